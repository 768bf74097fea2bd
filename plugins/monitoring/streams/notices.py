"""Notifies receivers of events on streams by webhook and by email.

Each receives what the person who set its address may see, when the event happens and
when it is sent.

The body is built once and sent unchanged on every attempt, signed with the secret of the
stream's container as its other callbacks are.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.dispatch import Signal
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import OwnerGone, sending_for
from base.common.phrases import for_the_record
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.services import submit
from plugins.monitoring.streams.choices import AlarmKind, StreamEvent
from plugins.monitoring.streams.jobs import NOTICE
from plugins.monitoring.streams.models import Airplay, Stream, StreamAlarm, StreamNotice
from review.models import Match
from scanning.services.sending import mail, post_signed

# Sent to addresses of the container, which only admins set.
_OF_CONTAINERS = (StreamEvent.ACR_RESULT, StreamEvent.ACR_STATE)
# Sent once for each play (``airplay``), in the transaction in which a scan confirms it.
play_settled = Signal()
# Sent when a stream (``stream``) is away or heard again (``is_heard``), and when (``at``).
stream_reached = Signal()


def tell_found(airplay: Airplay) -> None:
    """Report a play when it is heard, or settled if it was not heard live."""
    facts = {"airplay": airplay_facts(airplay)}
    _post(airplay.stream, StreamEvent.FOUND, facts, airplay)


def tell_decided(airplay: Airplay, match: Match) -> None:
    """Report that a person or policy decided the match of a play."""
    facts = {
        "airplay": airplay_facts(airplay),
        "match": {"id": match.uid, "state": match.state, "reason": match.decision_reason},
    }
    _post(airplay.stream, StreamEvent.DECIDED, facts, airplay)


def tell_away(stream: Stream, *, at: datetime, cause: str) -> None:
    """Report that a stream can no longer be heard."""
    _post(stream, StreamEvent.AWAY, {"at": at.isoformat(), "cause": cause})
    stream_reached.send(sender=Stream, stream=stream, is_heard=False, at=at)


def tell_back(stream: Stream, *, at: datetime) -> None:
    """Report that a stream is heard again."""
    _post(stream, StreamEvent.BACK, {"at": at.isoformat()})
    stream_reached.send(sender=Stream, stream=stream, is_heard=True, at=at)


def tell_alarm(alarm: StreamAlarm) -> None:
    """Post an alarm, or its end; email follows with ``mail_alarm``."""
    facts: dict[str, Any] = {  # Any: JSON
        "kind": alarm.kind,
        "began_at": alarm.began_at.isoformat(),
        "ended_at": alarm.ended_at.isoformat() if alarm.ended_at else None,
    }
    if alarm.airplay is not None:
        facts["airplay"] = airplay_facts(alarm.airplay)
    _post(alarm.stream, StreamEvent.ALARM, {"alarm": facts}, alarm.airplay)


def mail_alarm(alarm: StreamAlarm) -> None:
    """Send an alarm to the stream's email addresses."""
    stream = alarm.stream
    if not stream.alarm_emails or _why_hidden(stream, alarm.airplay, stream.emails_set_by):
        return
    with for_the_record():
        label = str(alarm.get_kind_display())
    zone = stream.station.time_zone
    lines = [f"{label}: {stream.station}, stream {stream}", ""]
    if alarm.airplay is not None:
        lines.append(f"Recording: {alarm.airplay.recording}")
    lines.append(f"Began: {_local(alarm.began_at, zone)}")
    if alarm.ended_at is not None:
        lines.append(f"Ended: {_local(alarm.ended_at, zone)}")
    # A stream's cause explains why it cannot be heard, not a play or a full disk.
    if stream.cause and alarm.kind in {AlarmKind.AWAY, AlarmKind.SILENT}:
        lines.append(f"Cause: {stream.cause}")
    lines += ["", f"{settings.ACRPORTAL_BASE_URL}{stream.url}"]
    notice = StreamNotice.objects.create(
        stream=stream,
        airplay=alarm.airplay,
        owner=stream.emails_set_by,
        event=StreamEvent.ALARM,
        emails=list(stream.alarm_emails),
        subject=f"{settings.ACRPORTAL_SITE_NAME}: {stream}: {label}"[:300],
        body="\n".join(lines) + "\n",
    )
    submit(NOTICE, notice)


def _local(at: datetime, zone: str) -> str:
    """Return a time by the station's clock, and in UTC."""
    local = at.astimezone(ZoneInfo(zone))
    written = f"{local.day} {local:%B %Y, %H:%M:%S} {zone}"
    return written if zone == "UTC" else f"{written} ({at.astimezone(UTC):%H:%M:%S} UTC)"


def airplay_facts(airplay: Airplay) -> dict[str, Any]:  # Any: JSON
    """Return a play as webhooks show it; times are UTC."""
    recording = airplay.recording
    return {
        "id": airplay.uid,
        "state": airplay.state,
        "starts_at": airplay.starts_at.isoformat(),
        "ends_at": airplay.ends_at.isoformat(),
        "score": round(airplay.score, 1),
        "recording": {
            "id": recording.uid,
            "custom_id": recording.custom_id,
            "title": recording.title,
            "version": recording.version,
            "artists": list(recording.artists),
            "isrc": recording.isrc_normalised,
        },
    }


def queue_notice(*, stream: Stream, event: StreamEvent, url: str, body: str) -> None:
    """Send a body to an address of the container; try again for about a day."""
    notice = StreamNotice.objects.create(stream=stream, event=event, url=url, body=body)
    submit(NOTICE, notice)


def _post(
    stream: Stream,
    event: StreamEvent,
    facts: dict[str, Any],  # Any: JSON
    airplay: Airplay | None = None,
) -> None:
    if not stream.alarm_url or _why_hidden(stream, airplay, stream.url_set_by):
        return
    body = {
        "type": event,
        "timestamp": datetime.now(tz=UTC).isoformat(),
        "stream": {"id": stream.uid, "name": stream.name},
        "station": {
            "id": stream.station.uid,
            "name": stream.station.name,
            "custom_id": stream.station.custom_id,
        },
        "user_defined": stream.user_defined,
        **facts,
    }
    notice = StreamNotice.objects.create(
        stream=stream,
        airplay=airplay,
        owner=stream.url_set_by,
        event=event,
        url=stream.alarm_url,
        body=json.dumps(body),
    )
    submit(NOTICE, notice)


def _why_hidden(stream: Stream, airplay: Airplay | None, owner: User | None) -> str:
    """Return why an owner may not learn of a stream or its play; empty if they may."""
    try:
        with sending_for(owner):
            is_seen = (
                Stream.objects.filter(pk=stream.pk).exists()
                if airplay is None
                else Airplay.objects.filter(pk=airplay.pk).exists()
            )
    except OwnerGone as gone:
        return str(gone)
    return (
        ""
        if is_seen
        else _("%(person)s set this address, and may not see what this is about.")
        % {"person": owner}
    )


def run(context: JobContext) -> None:
    """Try once to deliver a notice; the runner tries again for about a day."""
    notice: StreamNotice = context.subject
    if notice.event not in _OF_CONTAINERS and (
        why := _why_hidden(notice.stream, notice.airplay, notice.owner)
    ):
        raise Failed("not_sent", why)
    if notice.url:
        post_signed(
            notice.url,
            notice.body.encode(),
            secret=notice.stream.container.signing_secret,
            message_id=notice.uid,
        )
    else:
        message = EmailMessage(subject=notice.subject, body=notice.body, to=notice.emails)
        mail(message, message_id=notice.uid)
    context.finish(message="")
