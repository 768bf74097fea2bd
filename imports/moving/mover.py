"""Writes the objects of an account here; each is one row of ``Moved``.

What was moved before is left alone if it is the same there. If it changed there, ours
follows unless somebody changed ours, too. Nothing here calls the account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.reach import working_for
from catalogue.changes import ChangeRefused, update_recording, waits_for_audio
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    BucketType,
    Recording,
    RecordingStatus,
)
from catalogue.services import (
    IdTaken,
    RecordingDetails,
    add_waiting_recording,
    create_bucket,
    detail_columns,
    reserved_bucket,
)
from common.fingerprint_files import read_fingerprint
from common.media_analysis import AudioRefused
from common.reading import read_clock
from dedup import track_ids
from dedup.intake import AlreadyInCatalogue, give_audio, prepare
from imports.models import Moved, MovedKind, MovedOutcome, MoveIn
from imports.moving.plays import DAY, OtherDay, results_of_day
from imports.moving.remote import (
    RemoteBucket,
    RemoteRecording,
    RemoteSettings,
    RemoteStream,
    RemoteTrack,
    RemoteUnknown,
    UnknownForm,
    digest,
    id_of,
    read_bucket,
    read_recording,
    read_settings,
    read_stream,
    read_track,
    read_unknown,
    text_of,
)
from imports.moving.streams import streams_here
from imports.moving.summary import MoveSummary
from imports.results.file_scanning import read_documents
from imports.results.found import READY, FoundFile, ResultFault
from imports.results.importer import ResultImporter
from scanning.choices import AudioType, EngineChoice
from scanning.models import Container, Project, ScannedFile
from scanning.models.container import whole_file_policy
from scanning.services.containers import create_container

# Any in this module: JSON of another service.
Json = dict[str, Any]

PROJECT: Final = "project:"
"""Begins the remote id of a project of streams, which is a container here."""
DAY_PREFIX: Final = "day:"
_AT_ONCE: Final = 100
_KEPT_COLUMNS: Final = (
    *("title", "custom_id", "version_title", "artists", "album", "label"),
    *("release_date", "isrc", "upc", "iswc", "writers", "publishers", "notes"),
    "user_defined",
)


@dataclass(frozen=True, slots=True)
class Became:
    """What became of an object: our case, or the code and text of why it did not move."""

    outcome: MovedOutcome
    case: str = ""
    ours: str = ""
    code: str = ""
    text: str = ""
    callback_url: str = ""


def not_moved(code: str, text: str) -> Became:
    return Became(MovedOutcome.NOT_MOVED, code=code, text=text)


@dataclass(slots=True)
class Mover:
    """Moves the objects of one account; counts them in ``summary``."""

    one: MoveIn
    user: User
    summary: MoveSummary = field(default_factory=MoveSummary)
    reads_again: bool = False
    """Whether a list is read once more, so that its known objects are counted already."""

    # --- Kinds ------------------------------------------------------------------------

    def bucket(self, row: Json) -> bool:
        """Move a bucket, whose files come later; return whether it is new."""
        return self._move(MovedKind.BUCKET, row, "", read_bucket, self._bucket)

    def recording(self, row: Json, bucket: str) -> bool:
        """Move a file of a bucket as a waiting recording; return whether it is new."""

        def act(there: RemoteRecording, known: Moved | None) -> Became:
            return self._recording(there, known, bucket)

        return self._move(MovedKind.RECORDING, row, bucket, read_recording, act)

    def track(self, row: Json, bucket: str) -> bool:
        """Move a row of a dedup bucket; return whether it is new."""

        def act(there: RemoteTrack, known: Moved | None) -> Became:
            return self._track(there, known, bucket)

        def read(one: Json) -> RemoteTrack:
            return read_track(one, bucket)

        return self._move(MovedKind.TRACK, row, bucket, read, act)

    def channel(self, row: Json, bucket: str) -> bool:
        """Note a channel of a live bucket, which nothing here takes the place of."""
        name = text_of(row.get("title") or row.get("name"), 500)
        url = text_of(row.get("url"), 1000)
        text = _(
            "Clips are not compared with live channels here. To find recordings on it, "
            "add its address as a stream: %(url)s"
        ) % {"url": url or "–"}
        try:
            key = id_of(row)
        except UnknownForm as fault:
            self._unknown(MovedKind.CHANNEL, row, bucket, str(fault))
            return False
        return self._settle(
            MovedKind.CHANNEL,
            key,
            bucket,
            name,
            {"name": name, "url": url},
            lambda _s, _k: not_moved("move_live_channel", text),
        )

    def container(self, row: Json) -> bool:
        """Move a container without its files; return whether it is new."""
        return self._move(MovedKind.CONTAINER, row, "", read_settings, self._container)

    def project(self, project: RemoteSettings) -> Container | None:
        """Return the container for a project's streams, made if it is missing."""
        key = f"{PROJECT}{project.id}"
        self._settle(MovedKind.CONTAINER, key, "", project.name, project, self._project)
        return self._container_of(key)

    def file(self, row: Json, container: str) -> bool:
        """Move a scanned file with its results; return whether it is new."""
        try:
            key = id_of(row)
        except UnknownForm as fault:
            self._unknown(MovedKind.FILE, row, container, str(fault))
            return False
        seen = {
            name: row.get(name) for name in ("name", "state", "duration", "results")
        }
        name = text_of(row.get("name"), 500)
        return self._settle(
            MovedKind.FILE,
            key,
            container,
            name,
            seen,
            lambda _s, _k: self._file(row, container),
        )

    def identification(self, row: Json) -> bool:
        """Note a project that identifies clips; of its keys nothing may be read."""
        plain = {name: row.get(name) for name in ("id", "name", "buckets")}
        return self._move(
            MovedKind.PROJECT, plain, "", read_settings, self._identification
        )

    def unknown(self, row: Json, project: str) -> bool:
        """Note sound that repeats unknown there."""

        def read(one: Json) -> RemoteUnknown:
            return read_unknown(one, project)

        return self._move(MovedKind.UNKNOWN, row, project, read, self._unknown_sound)

    def unknown_project(self, row: Json) -> None:
        """Note that a portal without monitoring leaves unknown content out."""
        plain = {name: row.get(name) for name in ("id", "name")}
        text = _("This portal runs without monitoring, so unknown content is left out.")
        self._move(
            MovedKind.UNKNOWN,
            plain | {"id": f"{PROJECT}{row.get('id')}"},
            "",
            read_settings,
            lambda _there, _known: not_moved("move_unknown", text),
        )

    def stream(self, row: Json, project: RemoteSettings) -> bool:
        """Move a stream, not listening; return whether it is new."""
        key = f"{PROJECT}{project.id}"
        container = self._container_of(key) or self.project(project)

        def act(stream: RemoteStream, known: Moved | None) -> Became:
            return self._stream(stream, known, container)

        return self._move(MovedKind.STREAM, row, project.id, read_stream, act)

    def day(self, stream: Moved, day: date, plays: list[Json]) -> bool:
        """Move a day of plays as a file; return False if it is another day's.

        An empty day leaves no file, unless there was one.
        """
        key = f"{DAY_PREFIX}{stream.remote_id}:{day:%Y%m%d}"
        name = f"{stream.name} {day} (ACRCloud)"
        try:
            results = results_of_day(plays, day)
        except OtherDay:
            text = _(
                "The plays of another day came, so no earlier days were asked for."
            )
            became = not_moved("move_other_day", text)
            self._note(
                MovedKind.DAY, key, stream.remote_id, name, digest(plays), became
            )
            return False
        known = self._find_moved(MovedKind.DAY, key)
        if results or known is not None:
            self._settle(
                MovedKind.DAY,
                key,
                stream.remote_id,
                name,
                results,
                lambda _there, _known: self._day(stream, day, key, name, results),
            )
        return True

    def waiting(self, *, after: int) -> Iterator[tuple[Moved, Recording]]:
        """Yield the moved recordings that wait for their audio, from a row on."""
        rows = Moved.objects.filter(
            account=self.one.account, kind=MovedKind.RECORDING
        ).exclude(case="")
        # No query stays open meanwhile: SQLite would refuse to write beside it.
        while batch := list(rows.filter(pk__gt=after).order_by("pk")[:_AT_ONCE]):
            after = batch[-1].pk
            uids = [moved.case.partition(":")[2] for moved in batch]
            found = Recording.objects.filter(uid__in=uids).select_related("bucket")
            known = {row.uid: row for row in found if waits_for_audio(row)}
            for moved, uid in zip(batch, uids, strict=True):
                if uid in known:
                    yield moved, known[uid]

    def fingerprint(self, moved: Moved, recording: Recording, content: bytes) -> None:
        """Give a waiting recording the fingerprint that another portal has of it."""
        code = text = ""
        try:
            heard = read_fingerprint(
                ContentFile(content, moved.name or moved.remote_id),
                needs_scan_layer=False,
            )
            newcomer = prepare(bucket=recording.bucket, fingerprint=heard)
            give_audio(recording=recording, newcomer=newcomer, user=self.user)
        except (AudioRefused, AlreadyInCatalogue, ChangeRefused) as refused:
            code, text = "move_refused", str(refused)[:1000]
        if (moved.code, moved.text) != (code, text):
            Moved.objects.filter(pk=moved.pk).update(code=code, text=text)

    # --- Rows of Moved ----------------------------------------------------------------

    def _move(
        self,
        kind: MovedKind,
        row: Json,
        parent: str,
        read: Callable[[Json], Any],
        act: Callable[[Any, Moved | None], Became],
    ) -> bool:  # Any: an object as ``read`` returns it
        try:
            there = read(row)
        except UnknownForm as fault:
            self._unknown(kind, row, parent, str(fault))
            return False
        name = there.details.title if kind == MovedKind.RECORDING else there.name
        return self._settle(kind, there.id, parent, name, there, act)

    def _settle(
        self,
        kind: MovedKind,
        key: str,
        parent: str,
        name: str,
        there: Any,
        act: Callable[[Any, Moved | None], Became],
    ) -> bool:  # Any: as above
        """Move an object unless it is known and the same; return whether it was unknown."""
        known, theirs = self._find_moved(kind, key), digest(there)
        if known is not None and known.case and known.theirs == theirs:
            if not self.reads_again:
                self.summary.count(kind, MovedOutcome.SAME)
            return False
        became = act(there, known if known is not None and known.case else None)
        self._note(kind, key, parent, name, theirs, became, known)
        return known is None

    def _note(
        self,
        kind: MovedKind,
        key: str,
        parent: str,
        name: str,
        theirs: str,
        became: Became,
        known: Moved | None = None,
    ) -> None:
        if known is None or not self.reads_again:
            self.summary.count(kind, became.outcome)
        values = asdict(became) | {
            "parent": parent,
            "name": name[:500],
            "theirs": theirs,
            "text": became.text[:1000],
        }
        if known is not None and known.case and not became.case:
            # What it became before is still here.
            values |= {"case": known.case, "ours": known.ours}
        if known is not None and all(
            getattr(known, column) == value for column, value in values.items()
        ):
            return
        Moved.objects.update_or_create(
            account=self.one.account, kind=kind, remote_id=key, defaults=values
        )

    def _unknown(self, kind: MovedKind, row: Json, parent: str, why: str) -> None:
        """Note an object of an unknown form; without an id, its content names it."""
        key = text_of(row.get("id"), 64) or f"?{digest(row)[:32]}"
        became = not_moved("move_form", why)
        name = text_of(row.get("name") or row.get("title"), 500)
        self._note(
            kind, key, parent, name, digest(row), became, self._find_moved(kind, key)
        )

    def _find_moved(self, kind: MovedKind, key: str) -> Moved | None:
        rows = Moved.objects.filter(account=self.one.account, kind=kind)
        return rows.filter(remote_id=key).first()

    def _container_of(self, remote: str) -> Container | None:
        known = self._find_moved(MovedKind.CONTAINER, remote)
        if known is None or not known.case:
            return None
        key = known.case.partition(":")[2]
        return Container.objects.present().filter(pk=key).first()

    # --- Buckets ----------------------------------------------------------------------

    def _bucket(self, there: RemoteBucket, known: Moved | None) -> Became:
        if there.id == str(ACRCLOUD_MUSIC_BUCKET_ID):
            case = f"bucket:{reserved_bucket().pk}"
            return Became(MovedOutcome.SAME, case)
        if there.type not in BucketType:
            return not_moved(
                "move_live_bucket",
                _(
                    "Buckets of the type %(type)s are not moved: only recordings in "
                    "buckets of the types File and DedupFile can be."
                )
                % {"type": there.type},
            )
        if known is not None:
            return self._changed_there(known)
        name = self.free_name(there.name, there.id, Bucket.objects.present())
        if not name:
            return refuse_name(there.name)
        bucket = create_bucket(
            name=name,
            user=self.user,
            bucket_type=there.type,
            region=there.region,
            labels=there.labels,
        )
        return Became(MovedOutcome.NEW, f"bucket:{bucket.pk}")

    def _recording(
        self, there: RemoteRecording, known: Moved | None, parent: str
    ) -> Became:
        if known is not None:
            return self._changed_recording(there, known)
        bucket = self._bucket_of(parent)
        if bucket is None:
            return not_moved("move_elsewhere", _("Its bucket was deleted here."))
        details, code, text = there.details, "", ""
        if details.custom_id and _has_custom_id(bucket, details.custom_id):
            code = "move_name_taken"
            text = _(
                "Its id %(id)s is taken in the bucket, so it came without one."
            ) % {"id": details.custom_id}
            details = replace(details, custom_id="")
        try:
            row = add_waiting_recording(
                bucket=bucket,
                details=details,
                acr_id=there.acr_id,
                duration_ms=there.duration_ms,
                user=self.user,
            )
        except IdTaken as taken:
            row = taken.existing
            if row.bucket_id == bucket.pk and row.status != RecordingStatus.RETIRED:
                return Became(MovedOutcome.SAME, f"recording:{row.uid}")
            return not_moved("move_elsewhere", str(taken))
        return Became(
            MovedOutcome.NEW, f"recording:{row.uid}", _values_of(row), code, text
        )

    def _track(self, there: RemoteTrack, known: Moved | None, parent: str) -> Became:
        """Give the recording of a dedup file the ids that it lacks."""
        row = self._recording_of(known) if known else self._new_track(there, parent)
        if isinstance(row, Became):
            return row
        taken = track_ids.ids_of_others(row.bucket, there.track_ids, but=row)
        own = set(row.track_ids.values_list("track_id", flat=True))
        lacks = [name for name in there.track_ids if name not in own | taken]
        for name in lacks:
            track_ids.add_track_id(recording=row, track_id=name, user=self.user)
        outcome = MovedOutcome.CHANGED if lacks else MovedOutcome.SAME
        became = Became(outcome if known else MovedOutcome.NEW, f"recording:{row.uid}")
        if not taken:
            return became
        text = _("These ids belong to other recordings of the bucket: %(ids)s.")
        text %= {"ids": ", ".join(sorted(taken))}
        return replace(became, code="move_name_taken", text=text)

    def _recording_of(self, known: Moved) -> Recording | Became:
        """Return what an object became, unless it is gone."""
        row = Recording.objects.filter(uid=known.case.partition(":")[2]).first()
        if row is None or row.status == RecordingStatus.RETIRED:
            return _same(known)
        return row

    def _new_track(self, there: RemoteTrack, parent: str) -> Recording | Became:
        """Return the recording of a dedup file; a new one waits for its audio."""
        bucket = self._bucket_of(parent)
        if bucket is None:
            return not_moved("move_elsewhere", _("Its bucket was deleted here."))
        taken = track_ids.ids_of_others(bucket, there.track_ids)
        free = [name for name in there.track_ids if name not in taken]
        details = RecordingDetails(title=there.name, custom_id=free[0] if free else "")
        try:
            return add_waiting_recording(
                bucket=bucket,
                details=details,
                acr_id=there.acr_id,
                duration_ms=0,
                user=self.user,
            )
        except IdTaken as refused:
            row = refused.existing
            if row.bucket_id == bucket.pk and row.status != RecordingStatus.RETIRED:
                return row
            return not_moved("move_elsewhere", str(refused))

    def _changed_recording(self, there: RemoteRecording, known: Moved) -> Became:
        """Let a recording follow what changed there, unless it was changed here."""
        uid = known.case.partition(":")[2]
        row = Recording.objects.select_for_update(of=("self",)).filter(uid=uid).first()
        if row is None or row.status == RecordingStatus.RETIRED:
            return replace(_same(known), ours=known.ours)
        if _values_of(row) != known.ours:
            return self._changed_there(known)
        columns = detail_columns(there.details)
        if columns["custom_id"] != row.custom_id and _has_custom_id(
            row.bucket, columns["custom_id"]
        ):
            columns["custom_id"] = row.custom_id
        if waits_for_audio(row):
            columns["duration_ms"] = there.duration_ms
        changed = {
            name: value
            for name, value in columns.items()
            if getattr(row, name) != value
        }
        if changed:
            update_recording(recording=row, columns=changed, user=self.user)
        outcome = MovedOutcome.CHANGED if changed else MovedOutcome.SAME
        return Became(outcome, known.case, _values_of(row))

    # --- Containers and files ---------------------------------------------------------

    def _container(self, there: RemoteSettings, known: Moved | None) -> Became:
        if known is not None:
            return replace(self._changed_there(known), callback_url=there.callback_url)
        return replace(self._new_container(there), callback_url=there.callback_url)

    def _project(self, there: RemoteSettings, known: Moved | None) -> Became:
        if known is not None:
            return self._changed_there(known)
        twin = self._find_moved(MovedKind.CONTAINER, there.id)
        # Portals show each container as a project, too.
        if twin is not None and twin.case and twin.name == there.name:
            return Became(MovedOutcome.SAME, twin.case)
        return self._new_container(there)

    def _new_container(self, there: RemoteSettings) -> Became:
        name = self.free_name(there.name, there.id, Container.objects.present())
        if not name:
            return refuse_name(there.name)
        buckets, missing = self._buckets_of(there)
        columns = {
            "name": name,
            "engine": EngineChoice.EMBEDDED,
            "region": there.region or "eu-west-1",
            "audio_type": there.audio_type
            if there.audio_type in AudioType.values
            else AudioType.LINE_IN,
            "wire_engine": there.engine,
            "policy": there.policy or whole_file_policy(),
            **there.flags,
        }
        container = create_container(columns=columns, buckets=buckets, user=self.user)
        case = f"container:{container.pk}"
        if not missing:
            return Became(MovedOutcome.NEW, case)
        text = _("It searches these buckets no longer, which are not here: %(names)s.")
        text %= {"names": ", ".join(missing)}
        return Became(MovedOutcome.NEW, case, code="move_bucket_missing", text=text)

    def _buckets_of(self, there: RemoteSettings) -> tuple[list[Bucket], list[str]]:
        """Return the buckets that became of a container's, and names of the missing."""
        found, missing = [], []
        for key, name in there.buckets:
            if key == str(ACRCLOUD_MUSIC_BUCKET_ID):
                found.append(reserved_bucket())
            elif (bucket := self._bucket_of(key)) is not None:
                found.append(bucket)
            else:
                missing.append(name or key)
        return found, missing

    def _bucket_of(self, remote: str) -> Bucket | None:
        known = self._find_moved(MovedKind.BUCKET, remote)
        if known is None or not known.case:
            return None
        return Bucket.objects.present().filter(pk=known.case.partition(":")[2]).first()

    def _file(self, row: Json, container: str) -> Became:
        found = next(iter(read_documents([row])))
        if isinstance(found, ResultFault):
            return not_moved("move_form", found.message)
        return self._results(
            replace(found, came_at=_moment(row.get("created_at"))),
            self._container_of(container),
        )

    def _results(self, found: FoundFile, container: Container | None) -> Became:
        if container is None:
            return not_moved("move_elsewhere", _("Its container was deleted here."))
        files = ScannedFile.objects.present()
        file = files.filter(remote_id=found.remote_id).first()
        # A file that this portal sent to the account is here already.
        if file is not None and file.container_id != container.pk:
            return Became(MovedOutcome.SAME, f"file:{file.uid}")
        importer = ResultImporter(
            container=container,
            user=self.user,
            source=self.one.account.name,
            dry=False,
            heartbeat=lambda: None,
        )
        summary = importer.run([found])
        if summary.refused:
            return not_moved("move_form", str(summary.faults[0]["message"]))
        file = files.get(remote_id=found.remote_id)
        outcome = (
            MovedOutcome.NEW
            if summary.added
            else MovedOutcome.CHANGED
            if summary.rescanned
            else MovedOutcome.SAME
        )
        return Became(outcome, f"file:{file.uid}")

    # --- Streams ----------------------------------------------------------------------

    def _stream(
        self, there: RemoteStream, known: Moved | None, container: Container | None
    ) -> Became:
        if known is not None:
            return self._changed_there(known)
        if container is None:
            return not_moved("move_elsewhere", _("Its container was deleted here."))
        for here in streams_here:
            return here.add(self, there, container)
        return not_moved("move_elsewhere", _("This portal has no streams."))

    def _day(
        self, stream: Moved, day: date, key: str, name: str, results: Json
    ) -> Became:
        here = next(iter(streams_here))
        container = here.container_of(stream.case)
        if container is None:
            return not_moved("move_elsewhere", _("Its stream was deleted here."))
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        day_ms = int(DAY.total_seconds() * 1000)
        found = FoundFile(
            line=1,
            name=name,
            state=READY,
            results=results,
            remote_id=digest([self.one.account.pk, key]),
            duration_ms=day_ms,
            came_at=midnight,
        )
        became = self._results(found, container)
        if became.outcome is not MovedOutcome.NEW:
            return became
        file = ScannedFile.objects.get(uid=became.case.partition(":")[2])
        refused = here.note_day(stream.case, file, midnight, day_ms, self.user)
        return replace(became, code="move_form", text=refused) if refused else became

    # --- What is only listed ----------------------------------------------------------

    def _identification(self, there: RemoteSettings, _known: Moved | None) -> Became:
        """Say that a project needs new keys, unless somebody made them."""
        here = Project.objects.filter(name=there.name, revoked_at=None).first()
        if here is not None:
            return Became(MovedOutcome.SAME, f"project:{here.uid}")
        found, missing = self._buckets_of(there)
        text = _(
            "Its keys are not read. Under API tokens, create identification keys of the "
            "same name for the buckets %(names)s, and give them to its programs and "
            "devices."
        ) % {"names": ", ".join([*(one.name for one in found), *missing]) or "–"}
        return not_moved("move_keys", text)

    def _unknown_sound(self, there: RemoteUnknown, _known: Moved | None) -> Became:
        """Say what to do about sound of which an account gives only figures."""
        text = _(
            "Length %(length)s, occurrences: %(plays)s. The account gives no sound of "
            "it. Listen to it there, and add it to a bucket there if you need it; here "
            "it is found again when it repeats in files that are scanned."
        ) % {"length": read_clock(there.length_ms), "plays": there.plays}
        return not_moved("move_unknown", text)

    # --- Details ----------------------------------------------------------------------

    def _changed_there(self, known: Moved) -> Became:
        """Leave ours as it is, and say that it changed there."""
        text = _("It changed there since it was moved. Ours stays: change it by hand.")
        return replace(_same(known), code="move_changed", text=text)

    def free_name(self, name: str, remote: str, rows: Any) -> str:  # Any: a manager
        """Return a name that nothing here has; empty if there is none."""
        wanted = (name, f"{name[:170]} (ACRCloud {remote[:20]})")
        with working_for(None):
            return next(
                (each for each in wanted if not rows.filter(name=each).exists()), ""
            )


def _same(known: Moved) -> Became:
    return Became(
        MovedOutcome.SAME, known.case, known.ours, callback_url=known.callback_url
    )


def refuse_name(name: str) -> Became:
    text = _("Its name %(name)s is taken here, also with its number.") % {"name": name}
    return not_moved("move_name_taken", text)


def _has_custom_id(bucket: Bucket, custom_id: str) -> bool:
    if not custom_id:
        return False
    living = bucket.recordings.exclude(status=RecordingStatus.RETIRED)
    with working_for(None):
        return living.filter(custom_id=custom_id).exists()


def _values_of(row: Recording) -> str:
    return digest({name: getattr(row, name) for name in _KEPT_COLUMNS})


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
