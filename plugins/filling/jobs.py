"""The jobs: reading a source, matching recordings, and accepting in one go."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from plugins.filling.choices import SourceState
from plugins.filling.duties import SEARCHING, duty_of_reading
from plugins.filling.models import EnrichmentSource

READ_SOURCE = register(
    Kind(
        "enrichment_read",
        EnrichmentSource,
        "plugins.filling.reading.run",
        label=_("Reading of open data"),
        priority=Priority.EVERYTHING,
        duty=duty_of_reading,
        # The next one goes where this one's index is.
        lane=lambda _source: "all",
        lane_limit=lambda: 1,
        gives_way=True,
        mirror={
            JobState.WAITING: SourceState.WAITING,
            JobState.RUNNING: SourceState.READING,
            JobState.DONE: SourceState.READY,
            JobState.FAILED: SourceState.FAILED,
            JobState.CANCELLED: SourceState.FAILED,
        },
        status_field="state",
        cause_field="cause",
    )
)
MATCH = register(
    Kind(
        "enrichment_match",
        None,
        "plugins.filling.suggesting.run",
        label=_("Search for missing metadata"),
        priority=Priority.EVERYTHING,
        key=lambda _subject: "all",
        duty=lambda _subject: SEARCHING,
        gives_way=True,
        hand_back_after=0.0,
    )
)
APPLY = register(
    Kind(
        "enrichment_apply",
        None,
        "plugins.filling.applying.run",
        label=_("Acceptance of suggestions"),
        priority=Priority.DOCUMENT,
        key=lambda _subject: "",
    )
)

periodic(
    "enrichment_nightly",
    "plugins.filling.suggesting.plan",
    every=timedelta(days=1),
    label=_("Nightly search for missing metadata"),
)
