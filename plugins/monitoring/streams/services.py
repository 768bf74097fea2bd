"""What people do with stations and streams; each action is an event of its case."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import why_shared
from base.accounts.roles import Action
from base.accounts.services import may_change_made
from base.audit.services import columns_of
from base.common.databases import violates
from base.common.exchanges import LinkRefused
from base.common.http import check_link
from base.common.receivers import MailRefused, check_mail, check_webhook
from base.common.zones import is_zone
from base.jobs.services import cancel_subject, submit
from catalogue.models import Recording
from plugins.monitoring.streams.choices import GapCause, StreamState
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.jobs import RECORD
from plugins.monitoring.streams.models import Station, Stream, StreamRun
from plugins.monitoring.streams.recording.tryout import TryOut, try_stream
from plugins.monitoring.streams.signals import station_moved
from plugins.monitoring.streams.sink import add_gap
from recognition.errors import RecognitionError
from scanning.engines.base import FoundRecording
from scanning.fingerprints import Sound
from scanning.models import Container
from scanning.services.identification import search_clip

MAX_URLS: Final = 10
# A try-out holds a thread of the web server for as long as it listens.
_trying = threading.BoundedSemaphore(1)
# Changes of these need a new connection.
_RECORDED: Final = ("urls", "keep_hours", "title_charset")
_STREAM_COLUMNS: Final = (*Stream.SETTINGS, "user_defined")
# Who set an address, which is sent what this person may see.
_SET_BY: Final = {"alarm_emails": "emails_set_by", "alarm_url": "url_set_by"}
# The day and territory of a use depend on these.
_OF_PLACE: Final = ("territory", "time_zone")


@dataclass(frozen=True, slots=True)
class TryOutResult:
    """What a try-out heard at an address, and the recordings found in it, best first."""

    trial: TryOut
    recordings: tuple[tuple[Recording, FoundRecording], ...]


def case_of(subject: Station | Stream) -> str:
    """Return the case of a station or stream in the audit trail."""
    kind = "station" if isinstance(subject, Station) else "stream"
    return f"{kind}:{subject.uid}"


def may_change(stream: Stream, user: User) -> bool:
    """Tell whether a user may change a stream: its maker, or who may delete files."""
    return may_change_made(stream.created_by_id, user)


def add_station(*, user: User, **columns: Any) -> Station:  # Any: of the station's own row
    """Add a station. Raises ``StreamRefused`` if its name is taken or a value is wrong."""
    _require(user, Action.UPLOAD)
    station = Station(**_refuse_unknown(columns, Station.SETTINGS))
    _save_station(station, user, "station.added", {})
    return station


def change_station(*, station: Station, user: User, **columns: Any) -> Station:  # Any: as above
    """Change a station. Raises ``StreamRefused`` as ``add_station`` does."""
    _require(user, Action.UPLOAD)
    _refuse_shared(station, user)
    before = columns_of(station, Station.SETTINGS)
    for name, value in _refuse_unknown(columns, Station.SETTINGS).items():
        setattr(station, name, value)
    _save_station(station, user, "station.changed", before)
    return station


def ban_recording(*, station: Station, recording: Recording, user: User) -> None:
    """Raise an alarm whenever the station plays the recording."""
    _require(user, Action.EDIT_CATALOGUE)
    _refuse_shared(station, user)
    with transaction.atomic():
        station.banned.add(recording)
        after: dict[str, object] = {"recording": recording.uid}
        _record(station, "station.recording_banned", user, after)


def unban_recording(*, station: Station, recording: Recording, user: User) -> None:
    """Let the station play the recording without an alarm."""
    _require(user, Action.EDIT_CATALOGUE)
    _refuse_shared(station, user)
    with transaction.atomic():
        station.banned.remove(recording)
        after: dict[str, object] = {"recording": recording.uid}
        _record(station, "station.recording_allowed", user, after)


def try_out(*, urls: Sequence[str], container: Container, seconds: float = 10) -> TryOutResult:
    """Listen to addresses for a moment; return the sound's properties and recordings.

    Raises ``StreamRefused`` for addresses that are not allowed, and while this process
    listens for somebody else.
    """
    checked = _checked_urls(urls)
    if not _trying.acquire(blocking=False):
        raise StreamRefused(
            _("Somebody else is trying out a stream. Try again in %(seconds)d seconds.")
            % {"seconds": round(seconds)}
        )
    try:
        trial = try_stream(checked, seconds)
    finally:
        _trying.release()
    if trial.landmarks is None:
        return TryOutResult(trial, ())
    buckets = list(container.buckets.present().values_list("pk", flat=True))
    try:
        matches = search_clip(buckets, Sound(trial.landmarks))
    except RecognitionError:
        # What was heard helps without the index, too.
        return TryOutResult(trial, ())
    recordings = Recording.objects.in_bulk([match.recording_id for match in matches])
    pairs = [
        (recordings[match.recording_id], match)
        for match in matches
        if match.recording_id in recordings
    ]
    return TryOutResult(trial, tuple(pairs))


def add_stream(
    *,
    station: Station,
    container: Container,
    name: str,
    urls: Sequence[str],
    user: User,
    listening: bool = True,
    **settings: Any,
) -> Stream:  # Any: of the stream's own row
    """Add a stream and let a recorder listen to it, or leave it paused.

    Raises ``StreamRefused`` for addresses that are not allowed and for wrong settings.
    """
    _require(user, Action.UPLOAD)
    if container.deleted_at is not None:
        raise StreamRefused(_("This container was deleted. Choose another one."))
    stream = Stream(
        station=station,
        container=container,
        name=name,
        urls=_checked_urls(urls),
        created_by=user,
        emails_set_by=user,
        url_set_by=user,
        state_at=datetime.now(tz=UTC),
        enabled=listening,
        state=StreamState.WAITING if listening else StreamState.PAUSED,
        **_refuse_unknown(settings, _STREAM_COLUMNS),
    )
    _clean(stream)
    with transaction.atomic():
        stream.save()
        if listening:
            submit(RECORD, stream)
        _record(stream, "stream.added", user, columns_of(stream, _STREAM_COLUMNS))
    return stream


def change_stream(*, stream: Stream, user: User, **settings: Any) -> Stream:  # Any: as above
    """Change a stream; other addresses and hours of audio count at once.

    Raises ``StreamRefused`` as ``add_stream`` does.
    """
    _require_own(stream, user)
    before = columns_of(stream, _STREAM_COLUMNS)
    changed = _refuse_unknown(settings, _STREAM_COLUMNS)
    if "urls" in changed:
        changed["urls"] = _checked_urls(changed["urls"])
    for name, value in changed.items():
        setattr(stream, name, value)
    _clean(stream)
    after = columns_of(stream, _STREAM_COLUMNS)
    for name, setter in _SET_BY.items():
        if before[name] != after[name]:
            setattr(stream, setter, user)
            changed[setter] = user
    with transaction.atomic():
        stream.save(update_fields=list(changed))
        if any(before[name] != after[name] for name in _RECORDED):
            _begin_anew(stream)
        _record(stream, "stream.changed", user, after, before)
    return stream


def pause_stream(*, stream: Stream, user: User) -> None:
    """Stop listening; the time until it is resumed becomes a gap."""
    _require_own(stream, user)
    with transaction.atomic():
        rows = Stream.objects.present().filter(pk=stream.pk, enabled=True)
        if not rows.update(enabled=False):
            raise StreamRefused(_("This stream is already paused."))
        _stop(stream)
        _record(stream, "stream.paused", user, {})
    stream.refresh_from_db()


def resume_stream(*, stream: Stream, user: User) -> None:
    """Listen again."""
    _require_own(stream, user)
    if stream.container.deleted_at is not None:
        raise StreamRefused(_("The stream's container was deleted."))
    with transaction.atomic():
        rows = Stream.objects.present().filter(pk=stream.pk, enabled=False)
        if not rows.update(enabled=True):
            raise StreamRefused(_("This stream is not paused."))
        # List the time since the last run as a pause, before a recorder lists it.
        last = StreamRun.objects.filter(stream=stream).order_by("-starts_at").first()
        now = datetime.now(tz=UTC)
        if last is not None and last.ends_at is not None and last.ends_at < now:
            add_gap(
                stream=stream, start=last.ends_at, end=now, cause=GapCause.PAUSED, is_exact=False
            )
        # A recorder that is about to end finds the stream enabled, or leaves it to
        # ``plugins.monitoring.streams.alarms.watch``.
        submit(RECORD, stream)
        _record(stream, "stream.resumed", user, {})
    stream.refresh_from_db()


def restart_stream(*, stream: Stream, user: User) -> None:
    """Reconnect, beginning with the first address."""
    _require_own(stream, user)
    with transaction.atomic():
        _begin_anew(stream)
        submit(RECORD, stream)
        _record(stream, "stream.restarted", user, {})


def delete_stream(*, stream: Stream, user: User, reason: str = "") -> None:
    """End a stream and delete its ring; its hours, plays and gaps stay as evidence."""
    _require(user, Action.DELETE)
    with transaction.atomic():
        rows = Stream.objects.present().filter(pk=stream.pk)
        if not rows.update(enabled=False, deleted_at=datetime.now(tz=UTC)):
            raise StreamRefused(_("This stream is already deleted."))
        _stop(stream)
        before = columns_of(stream, _STREAM_COLUMNS)
        base.audit.services.record(
            case=case_of(stream), action="stream.deleted", actor=user, before=before, note=reason
        )
    stream.refresh_from_db()


def _require(user: User, action: Action) -> None:
    if not user.has_perm(action):
        raise StreamRefused(_("Your role can view stations and streams but not change them."))


def _refuse_shared(station: Station, user: User) -> None:
    if refusal := why_shared(station, user):
        raise StreamRefused(refusal)


def _require_own(stream: Stream, user: User) -> None:
    if not may_change(stream, user):
        raise StreamRefused(_("Only the person who added a stream or a manager may change it."))


def _refuse_unknown(
    columns: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:  # Any: values of columns
    unknown = sorted(set(columns) - set(names))
    if unknown:
        raise TypeError(f"No such settings: {', '.join(unknown)}")
    return dict(columns)


def _checked_urls(urls: Sequence[str]) -> list[str]:
    cleaned = [url.strip() for url in urls if url.strip()]
    if not cleaned:
        raise StreamRefused(_("Enter the address of the stream."))
    if len(cleaned) > MAX_URLS:
        raise StreamRefused(_("A stream has at most %(limit)s addresses.") % {"limit": MAX_URLS})
    for url in cleaned:
        if len(url) > 2000:
            raise StreamRefused(_("This link is longer than 2,000 characters."))
        try:
            check_link(url)
        except LinkRefused as error:
            raise StreamRefused(
                _("%(url)s: This link is not allowed: %(error)s.")
                % {"url": url[:200], "error": error}
            ) from error
    return cleaned


def _clean(row: Station | Stream) -> None:
    try:
        row.full_clean(exclude=["container", "station"])
    except ValidationError as error:
        raise StreamRefused(" ".join(error.messages)) from error
    if isinstance(row, Stream):
        if (row.quiet_from is None) != (row.quiet_until is None):
            raise StreamRefused(_("Enter both the start and the end of the quiet hours."))
        try:
            if row.alarm_url:
                check_webhook(row.alarm_url)
            for address in row.alarm_emails:
                check_mail(address)
        except LinkRefused as error:
            raise StreamRefused(
                _("%(url)s: This link is not allowed: %(error)s.")
                % {"url": row.alarm_url[:200], "error": error}
            ) from error
        except MailRefused as error:
            raise StreamRefused(str(error)) from error


def _save_station(station: Station, user: User, action: str, before: dict[str, object]) -> None:
    if not is_zone(station.time_zone):
        raise StreamRefused(
            _("%(name)s is not a time zone. Write it as Europe/Berlin.")
            % {"name": station.time_zone}
        )
    _clean(station)
    try:
        with transaction.atomic():
            station.save()
            _record(station, action, user, columns_of(station, Station.SETTINGS), before)
            if any(before.get(name) != getattr(station, name) for name in _OF_PLACE):
                station_moved.send(sender=Station, station=station)
    except IntegrityError as error:
        if not violates(error, Station, "name"):
            raise
        raise StreamRefused(_("Another station has this name.")) from error


def _begin_anew(stream: Stream) -> None:
    """Tell the recorder of a stream to reconnect."""
    Stream.objects.filter(pk=stream.pk).update(revision=F("revision") + 1)


def _stop(stream: Stream) -> None:
    """Let no recorder begin; the one that has the stream notices and ends."""
    _begin_anew(stream)
    cancel_subject(RECORD, stream)
    Stream.objects.filter(pk=stream.pk).update(
        state=StreamState.PAUSED, cause="", state_at=datetime.now(tz=UTC)
    )


def _record(
    subject: Station | Stream,
    action: str,
    user: User,
    after: dict[str, object],
    before: dict[str, object] | None = None,
) -> None:
    base.audit.services.record(
        case=case_of(subject), action=action, actor=user, before=before, after=after
    )
