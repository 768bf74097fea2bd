"""Streams in the season's world."""

from __future__ import annotations

from base.accounts.models import User
from plugins.monitoring.streams import services
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.tests.season import broadcasts
from scanning.models import Container
from tests.season import outside, samples, world

MIXED_STREAM = "Mixed stream"
"""A stream that people with limits see, though some of its plays are hidden from them."""


def add_streams() -> None:
    """Add a stream for each desk."""
    hidden = samples.HIDDEN
    # Everybody sees stations, as they see platforms.
    for station, stream, desk, name in (
        ("First radio", "Open stream", "Open desk", "mira"),
        ("Second radio", f"{hidden} stream", f"{hidden} desk", "mira"),
        ("Third radio", MIXED_STREAM, "Mixed desk", "lena"),
    ):
        container = Container.objects.get(name=desk)
        broadcasts.add(station, stream, container, User.objects.get(username=name))


def send_to_limited() -> None:
    """Let a person with limits set where a stream's plays and alarms are sent."""
    services.change_stream(
        stream=Stream.objects.get(name=MIXED_STREAM),
        user=User.objects.get(username="lena"),
        alarm_url=f"{outside.address}{world.LIMITED_HOOK}",
        alarm_emails=[world.LIMITED_MAIL],
    )
