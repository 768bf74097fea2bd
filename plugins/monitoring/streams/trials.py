"""Compares what the account heard on streams with the hours that were heard here.

A day is compared once it is over and its hours are scanned. Both may receive a stream
with different delays: what both found on a day says how different, and the account's
times are moved by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median_low
from typing import Any, Final

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

import base.jobs.clock
from base.jobs.context import JobContext
from catalogue.models import Recording
from plugins.monitoring.streams.models import Stream, StreamHour
from plugins.monitoring.streams.services import case_of
from plugins.moving.importing.plays import DAY, OtherDay, results_of_day
from plugins.moving.models import EngineTrial, Moved, MovedKind, TrialState
from plugins.moving.trials.comparing import FileComparison, Start, Theirs
from plugins.moving.trials.errors import TrialRefused
from scanning.choices import EngineChoice, FileStatus, ScanStatus, Section
from scanning.comparison import EngineDetection, found_in
from scanning.engines.acrcloud import Cloud
from scanning.engines.acrcloud_results import ReportedItem, read_items
from scanning.engines.cloud_faults import CloudFault
from scanning.models import CloudAccount, Scan
from scanning.selectors import current_scans_of

_SETTLES: Final = timedelta(hours=3)
"""The last hour of a day ends up to a quarter of an hour late, and is then scanned."""
_WAITS_FOR_SCANS: Final = timedelta(days=3)
_MOST_DELAY_MS: Final = 120_000
_LEAST_COMMON: Final = 3
"""Fewer common plays say nothing of a delay."""
_MS: Final = timedelta(milliseconds=1)

Json = dict[str, Any]  # Any: JSON of another service


@dataclass(frozen=True, slots=True)
class StreamThere:
    """A stream of a trial, with its project and its id in the account."""

    stream: Stream
    project: str
    remote: str


@dataclass(frozen=True, slots=True)
class _HeardPlay:
    """A play that the account heard; times are wall time. None: no recording here."""

    item: ReportedItem
    recording: Recording | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Hour:
    """An hour that was heard here, with its scan and what that found."""

    hour: StreamHour
    scan: Scan
    detections: dict[int, EngineDetection]


def bucket_key(stream: Stream) -> str:
    """Return the key of a stream in ``EngineTrial.their_buckets``."""
    return f"stream:{stream.pk}"


def streams_there(trial: EngineTrial) -> Iterator[StreamThere]:
    """Yield the trial's streams that a move brought from the account."""
    moved = {
        row.case: row for row in Moved.objects.filter(account=trial.account, kind=MovedKind.STREAM)
    }
    for stream in trial.streams.order_by("pk"):
        row = moved.get(case_of(stream))
        if row is not None:
            yield StreamThere(stream, row.parent, row.remote_id)


class StreamsOfTrials:
    """Lets trials compare what both engines hear on streams."""

    def refuse(self, account: CloudAccount, chosen: Sequence[Model]) -> None:
        """Raise for a stream that did not come from the account."""
        moved = set(
            Moved.objects.filter(account=account, kind=MovedKind.STREAM).values_list(
                "case", flat=True
            )
        )
        for stream in _streams(chosen):
            if case_of(stream) not in moved:
                raise TrialRefused(
                    _("%(name)s did not come from this account.") % {"name": stream.name}
                )

    def refuse_busy(self, chosen: Sequence[Model]) -> None:
        """Raise for a stream in a running trial."""
        running = EngineTrial.objects.filter(state=TrialState.RUNNING, streams__in=_streams(chosen))
        if running.exists():
            raise TrialRefused(_("One of these streams is in a trial already. End it first."))

    def add(self, trial: EngineTrial, chosen: Sequence[Model]) -> None:
        """Compare what comes on these streams."""
        trial.streams.set(_streams(chosen))

    def uids(self, trial: EngineTrial) -> list[str]:
        """Return the streams of a trial."""
        return list(trial.streams.order_by("pk").values_list("uid", flat=True))

    def containers(self, trial: EngineTrial) -> Q:
        """Return the condition of the containers of its streams."""
        return Q(pk__in=trial.streams.values("container"))

    def buckets(self, trial: EngineTrial, cloud: Cloud) -> dict[str, list[str]]:
        """Return the buckets of the projects of its streams."""
        streams = list(streams_there(trial))
        projects = cloud.stream_projects() if streams else {}
        return {
            bucket_key(there.stream): list(projects[there.project])
            for there in streams
            if there.project in projects
        }

    def compare(self, trial: EngineTrial, context: JobContext) -> None:
        """Compare the days that are over."""
        compare_days(trial, context)


def _streams(chosen: Sequence[Model]) -> list[Stream]:
    return [stream for stream in chosen if isinstance(stream, Stream)]


def compare_days(trial: EngineTrial, context: JobContext) -> None:
    """Compare the days that are over; an account that does not answer is asked later."""
    cloud = Cloud(trial.account)
    for there in streams_there(trial):
        for day in _days_due(trial, there.stream):
            context.report()
            if not _is_scanned(there.stream, day):
                break
            try:
                plays = _plays_until(cloud, there, day)
            except CloudFault:
                break
            except OtherDay:
                _keep(trial, there.stream, day, other_day=1)
            else:
                _compare(trial, there.stream, day, plays)


def _days_due(trial: EngineTrial, stream: Stream) -> Iterator[date]:
    read = trial.stream_days.get(str(stream.pk), {})
    day = trial.begins_at.astimezone(UTC).date()
    if "until" in read:
        day = date.fromisoformat(read["until"]) + DAY
    while (
        _midnight(day) < trial.ends_at and base.jobs.clock.now() >= _midnight(day) + DAY + _SETTLES
    ):
        yield day
        day += DAY


def _is_scanned(stream: Stream, day: date) -> bool:
    """Return whether the hours of a day are scanned, or have taken too long."""
    if base.jobs.clock.now() >= _midnight(day) + DAY + _WAITS_FOR_SCANS:
        return True
    waiting = (FileStatus.WAITING, FileStatus.PROCESSING)
    return not _hours(stream, day).filter(scanned_file__status__in=waiting).exists()


def _hours(stream: Stream, day: date) -> QuerySet[StreamHour]:
    """Return the hours that end on a day; they may begin the day before."""
    return StreamHour.objects.filter(
        stream=stream,
        ends_at__gt=_midnight(day),
        ends_at__lte=_midnight(day) + DAY,
        scanned_file__isnull=False,
    ).select_related("scanned_file__container")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _plays_until(cloud: Cloud, there: StreamThere, day: date) -> list[_HeardPlay]:
    """Return the plays of a day and of the day before, of which an hour may be left.

    Raises ``CloudFault``, and ``OtherDay`` if plays of another day came.
    """
    answers = [
        (heard_day, cloud.read_plays(there.project, there.remote, f"{heard_day:%Y%m%d}"))
        for heard_day in (day - DAY, day)
    ]
    if answers[0][1] and answers[0][1] == answers[1][1]:
        raise OtherDay
    items = [
        (item, _midnight(heard_day))
        for heard_day, plays in answers
        for item in read_items(results_of_day(plays, heard_day))
    ]
    recordings = {
        recording.acr_id: recording
        for recording in Recording.objects.filter(acr_id__in={item.acrid for item, _ in items})
    }
    return [
        _HeardPlay(
            item,
            recordings.get(item.acrid),
            midnight + item.segment.start_ms * _MS,
            midnight + item.segment.end_ms * _MS,
        )
        for item, midnight in items
    ]


def _compare(trial: EngineTrial, stream: Stream, day: date, plays: Sequence[_HeardPlay]) -> None:
    hours = list(_heard_here(trial, stream, day))
    delay = _delay(hours, plays)
    for heard in hours:
        inside = [play for play in plays if _share(heard.hour, play, delay) > 0.5]
        file = heard.hour.scanned_file
        if file is not None:
            theirs = _theirs(trial, heard, inside, delay)
            FileComparison(trial, file, heard.scan, theirs).write()
    _keep(trial, stream, day, unheard=_unheard(trial, stream, day, plays))


def _heard_here(trial: EngineTrial, stream: Stream, day: date) -> Iterator[_Hour]:
    """Yield the hours of a day within the trial that were scanned."""
    hours = list(
        _hours(stream, day).filter(starts_at__gte=trial.begins_at, starts_at__lt=trial.ends_at)
    )
    scans = current_scans_of([hour.scanned_file for hour in hours if hour.scanned_file])
    for hour in hours:
        for scan in scans[hour.scanned_file_id or 0]:
            if (
                scan.engine == EngineChoice.EMBEDDED
                and scan.status == ScanStatus.SUCCEEDED
                and hour.scanned_file is not None
            ):
                floor = hour.scanned_file.container.score_floor
                yield _Hour(hour, scan, found_in([scan], floor=floor))


def _delay(hours: Iterable[_Hour], plays: Iterable[_HeardPlay]) -> timedelta:
    """Return how much later the account hears the stream than this portal, usually."""
    theirs: dict[int, list[datetime]] = {}
    for play in plays:
        if play.recording is not None:
            theirs.setdefault(play.recording.pk, []).append(play.start)
    delays_ms = [
        round((start - (heard.hour.starts_at + detection.whole[0] * _MS)) / _MS)
        for heard in hours
        for recording, detection in heard.detections.items()
        for start in theirs.get(recording, ())
    ]
    plausible_ms = [delay_ms for delay_ms in delays_ms if abs(delay_ms) <= _MOST_DELAY_MS]
    return (median_low(plausible_ms) if len(plausible_ms) >= _LEAST_COMMON else 0) * _MS


def _share(hour: StreamHour, play: _HeardPlay, delay: timedelta) -> float:
    """Return how much of a play lies within an hour."""
    start = max(play.start - delay, hour.starts_at)
    end = min(play.end - delay, hour.ends_at)
    return (end - start) / (play.end - play.start)


def _theirs(
    trial: EngineTrial, heard: _Hour, plays: Iterable[_HeardPlay], delay: timedelta
) -> Theirs:
    """Return what the account heard in an hour, in times of its file."""
    file, hour = heard.scan.scanned_file, heard.hour
    detections: dict[int, EngineDetection] = {}
    starts: list[Start] = []
    counts = Counter[str]()
    for play in plays:
        score = play.item.score
        if score is not None and score < file.container.score_floor:
            counts["below_floor"] += 1
        elif play.recording is None:
            is_own = play.item.section == Section.CUSTOM_FILES
            counts["elsewhere" if is_own else "own_catalogue"] += 1
        else:
            start = max(0, round((play.start - delay - hour.starts_at) / _MS))
            end = min(round((play.end - delay - hour.starts_at) / _MS), file.length_ms)
            key = play.recording.pk
            entry = detections.setdefault(key, EngineDetection(play.recording))
            entry.intervals.append((start, max(end, start + 1)))
            starts.append((key, start, play.item.segment.reference_start_ms))
    return Theirs(
        detections=detections,
        starts=starts,
        buckets=trial.their_buckets.get(bucket_key(hour.stream), []),
        asked_at=hour.starts_at,
        own_catalogue=counts["own_catalogue"],
        elsewhere=counts["elsewhere"],
        below_floor=counts["below_floor"],
    )


def _unheard(trial: EngineTrial, stream: Stream, day: date, plays: Iterable[_HeardPlay]) -> int:
    """Return how many plays of the day came while the stream was not heard here."""
    begin, end = _midnight(day), _midnight(day) + DAY
    hours = list(
        StreamHour.objects.filter(
            stream=stream, starts_at__lt=end, ends_at__gt=begin, scanned_file__isnull=False
        )
    )
    return sum(
        max(begin, trial.begins_at) <= play.start < min(end, trial.ends_at)
        and not any(hour.starts_at <= play.start < hour.ends_at for hour in hours)
        for play in plays
    )


def _keep(trial: EngineTrial, stream: Stream, day: date, **counts: int) -> None:
    """Note that a day was read, and add to the stream's counts."""
    read = trial.stream_days.setdefault(str(stream.pk), {})
    read["until"] = day.isoformat()
    for name, count in counts.items():
        read[name] = read.get(name, 0) + count
    running = EngineTrial.objects.filter(pk=trial.pk, state=TrialState.RUNNING)
    running.update(stream_days=trial.stream_days)
