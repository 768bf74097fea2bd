"""Stream alarms: one for each incident, sent once, by webhook at once and by email
outside the quiet hours.

The worker checks every 20 seconds, so it also notices a dead recorder.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from base.accounts.reach import working_for
from base.common.databases import violates
from base.jobs.choices import OPEN_STATES
from base.jobs.selectors import jobs_of
from base.jobs.services import submit
from plugins.monitoring.streams import notices, selectors
from plugins.monitoring.streams.choices import HEARING, AirplayState, AlarmKind, StreamState
from plugins.monitoring.streams.jobs import RECORD
from plugins.monitoring.streams.models import Airplay, Stream, StreamAlarm, StreamRun

# A dead recorder reports nothing; the rows of a live one may be this late.
_UNHEARD: Final = timedelta(seconds=60)
_WATCHED: Final = (AlarmKind.SILENT, AlarmKind.AWAY, AlarmKind.UNMATCHED)


def watch(*, now: datetime | None = None) -> None:
    """Begin and end alarms, send their emails, and give streams the jobs they lack."""
    now = now or datetime.now(tz=UTC)
    with working_for(None):
        streams = list(Stream.objects.present().select_related("station", "container"))
        _see_to_jobs(streams)
        for stream in streams:
            due = _due(stream, now) if stream.enabled else {}
            for kind in _WATCHED:
                _switch(stream, kind, due.get(kind), now)
        # End the plays of streams that send nothing; the search reacts only to sound.
        unheard = ~Q(stream__in=selectors.heard_streams()) | Q(
            stream__heard_until__lt=now - _UNHEARD
        )
        playing = Airplay.objects.filter(unheard, state=AirplayState.PLAYING)
        Airplay.objects.filter(pk__in=playing.values("pk")).update(state=AirplayState.ENDED)
        # End the alarms of plays that are over.
        for alarm in StreamAlarm.objects.filter(
            ended_at=None, airplay__isnull=False
        ).select_related("airplay"):
            play = alarm.airplay
            if play is not None and play.state != AirplayState.PLAYING:
                StreamAlarm.objects.filter(pk=alarm.pk).update(ended_at=play.ends_at)
        _mail(now)


def note_play(airplay: Airplay) -> None:
    """Raise an alarm if the station must not play the recording."""
    if airplay.stream.station.banned.filter(pk=airplay.recording_id).exists():
        alarm = StreamAlarm.objects.create(
            stream=airplay.stream,
            kind=AlarmKind.BANNED,
            airplay=airplay,
            began_at=airplay.starts_at,
        )
        notices.tell_alarm(alarm)


def note_disk(stream: Stream, *, is_full: bool, now: datetime) -> None:
    """Begin or end the alarm that the disk of a stream's recorder is nearly full."""
    _switch(stream, AlarmKind.DISK, now if is_full else None, now)


def _see_to_jobs(streams: Sequence[Stream]) -> None:
    # Its container was deleted, so there is no place for its hours.
    orphans = [stream for stream in streams if stream.container.deleted_at is not None]
    Stream.objects.filter(pk__in=[stream.pk for stream in orphans], enabled=True).update(
        enabled=False, state=StreamState.PAUSED
    )
    to_record = [stream for stream in streams if stream.enabled and stream not in orphans]
    jobs = jobs_of(RECORD, to_record, OPEN_STATES)
    for stream in to_record:
        if stream.pk not in jobs:
            submit(RECORD, stream)


def _due(stream: Stream, now: datetime) -> dict[AlarmKind, datetime]:
    """Return since when each alarm of a stream is due."""
    due: dict[AlarmKind, datetime] = {}
    state_at = stream.state_at or stream.created_at
    if stream.silent_minutes is not None and stream.state == StreamState.SILENT:
        _if_longer(due, AlarmKind.SILENT, state_at, stream.silent_minutes, now)
    if stream.away_minutes is not None:
        heard = max(stream.heard_until or stream.created_at, _resumed_at(stream))
        _if_longer(due, AlarmKind.AWAY, heard, stream.away_minutes, now)
    is_heard = stream.state in HEARING
    if stream.unmatched_minutes is not None and is_heard:
        plays = stream.airplays.exclude(state=AirplayState.WITHDRAWN)
        last = plays.aggregate(last=Max("ends_at"))["last"]
        run = StreamRun.objects.filter(stream=stream, ends_at=None).last()
        if run is not None:
            since = max(last or run.starts_at, run.starts_at)
            _if_longer(due, AlarmKind.UNMATCHED, since, stream.unmatched_minutes, now)
    return due


def _resumed_at(stream: Stream) -> datetime:
    """Return when the recorder's job was submitted; no recorder listened before."""
    job = jobs_of(RECORD, [stream], OPEN_STATES).get(stream.pk)
    return job.created_at if job is not None else stream.created_at


def _if_longer(
    due: dict[AlarmKind, datetime], kind: AlarmKind, since: datetime, minutes: int, now: datetime
) -> None:
    if now - since >= timedelta(minutes=minutes):
        due[kind] = since


def _switch(stream: Stream, kind: AlarmKind, since: datetime | None, now: datetime) -> None:
    """Begin an alarm, or end the open one."""
    open_alarm = StreamAlarm.objects.filter(
        stream=stream, kind=kind, ended_at=None, airplay=None
    ).first()
    if since is not None and open_alarm is None:
        try:
            with transaction.atomic():
                alarm = StreamAlarm.objects.create(stream=stream, kind=kind, began_at=since)
                notices.tell_alarm(alarm)
        except IntegrityError as error:
            # Another worker was faster.
            if not violates(error, StreamAlarm, "alarm_open_once"):
                raise
            return
    elif since is None and open_alarm is not None:
        with transaction.atomic():
            rows = StreamAlarm.objects.filter(pk=open_alarm.pk, ended_at=None)
            if rows.update(ended_at=now):
                open_alarm.ended_at = now
                notices.tell_alarm(open_alarm)


def _mail(now: datetime) -> None:
    """Send the emails of new alarms, outside the quiet hours.

    An alarm that began and ended within them is sent afterwards.
    """
    untold = StreamAlarm.objects.filter(told_at=None).select_related(
        "stream__station", "airplay__recording"
    )
    for alarm in untold:
        if is_quiet(alarm.stream, now):
            continue
        with transaction.atomic():
            rows = StreamAlarm.objects.filter(pk=alarm.pk, told_at=None)
            if rows.update(told_at=now):
                notices.mail_alarm(alarm)


def is_quiet(stream: Stream, now: datetime) -> bool:
    """Return whether it is a quiet hour now, by the station's clock."""
    begin, end = stream.quiet_from, stream.quiet_until
    if begin is None or end is None:
        return False
    at = now.astimezone(ZoneInfo(stream.station.time_zone)).time()
    if begin <= end:
        return begin <= at < end
    return at >= begin or at < end
