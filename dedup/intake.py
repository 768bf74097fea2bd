"""Add a recording: compare it with existing ones first, then follow the bucket's rule.

The bucket stays locked from the comparison until the recording is added and indexed. So
if two copies arrive at once, the second one finds the first.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.reach import working_for
from catalogue import changes, following, index_store, services
from catalogue.index_log import note_change
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.services import RecordingDetails
from common.media_analysis import fingerprint_upload
from common.storage import replace_bytes, sha256_of
from dedup import comparing, selectors
from dedup.models import DuplicateKind, PairLink
from recognition import fingerprint as fingerprint_file
from recognition import params
from recognition.compare import related
from recognition.errors import RecognitionError
from recognition.fingerprint import reference_layer
from recognition.hashes import reference_hashes
from recognition.index.store import SegmentStore
from recognition.relatives import relatives
from recognition.types import Fingerprint, Landmarks

_REFUSING = (IntakeRule.REJECT, IntakeRule.ASK)
# A recording that waits will be searchable, so it counts as present.
_IN = (RecordingStatus.READY, RecordingStatus.WAITING, RecordingStatus.PROCESSING)


class AlreadyInCatalogue(Exception):
    """The recording already exists; the text names it. Nothing was added.

    ``field`` is the form field that collides; ``relation`` is how the two relate, if
    they were compared. ``may_add`` says that the bucket asks a person, who may add it
    anyway.
    """

    def __init__(
        self,
        message: str,
        *,
        existing: Recording,
        field: str,
        relation: str = "",
        may_add: bool = False,
    ) -> None:
        self.existing = existing
        self.field = field
        self.relation = relation
        self.may_add = may_add
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Same:
    """An existing recording, and the link that the new recording would get."""

    recording: Recording
    link: PairLink


def add_recording(
    *,
    bucket: Bucket,
    details: RecordingDetails,
    audio: File[bytes] | None = None,
    fingerprint: Fingerprint | None = None,
    user: User | None = None,
    answer: IntakeRule | None = None,
) -> Recording:
    """Add a recording as audio or as a fingerprint, unless it already exists.

    If it does, the bucket's rule applies, or a person's ``answer`` if the rule is to
    ask. Raises ``AlreadyInCatalogue`` and ``BadIdentifier``.
    """
    newcomer = prepare(
        bucket=bucket, audio=audio, fingerprint=fingerprint, answer=answer
    )
    return add_prepared(newcomer=newcomer, details=details, user=user)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A recording that may be added, fingerprinted before anything is locked.

    ``rule`` says what happens if it already exists, ``compares`` whether to look for
    it. ``fingerprint`` is what the caller sent, ``heard`` that fingerprint or the
    audio's.
    """

    bucket: Bucket
    rule: IntakeRule
    compares: bool
    audio: File[bytes] | None
    fingerprint: Fingerprint | None
    heard: Fingerprint | None


def prepare(
    *,
    bucket: Bucket,
    audio: File[bytes] | None = None,
    fingerprint: Fingerprint | None = None,
    answer: IntakeRule | None = None,
) -> Newcomer:
    """Fingerprint what may be added. Slow for audio; takes no locks.

    A bucket that ignores duplicates compares nothing. If a person adds a duplicate
    anyway, the comparison still runs, so that the two are linked.
    """
    rule = IntakeRule(bucket.intake_rule)
    compares = rule != IntakeRule.IGNORE
    if rule == IntakeRule.ASK and answer is not None:
        rule = answer
    heard = fingerprint
    if heard is None and audio is not None and compares:
        # A worker reports unusable audio.
        with suppress(RecognitionError):
            heard = fingerprint_upload(audio, layer="reference")
    return Newcomer(bucket, rule, compares, audio, fingerprint, heard)


def add_prepared(
    *, newcomer: Newcomer, details: RecordingDetails, user: User | None
) -> Recording:
    """Add a prepared recording, unless it already exists; see ``add_recording``."""
    bucket = newcomer.bucket
    with transaction.atomic():
        _lock(bucket)
        _refuse_same_id(bucket, details.custom_id)
        same = refuse_known(newcomer)
        recording = services.add_recording(
            bucket=bucket,
            details=details,
            audio=newcomer.audio,
            fingerprint=newcomer.fingerprint,
            user=user,
        )
        # A worker would index it too late for a copy that arrives next.
        if newcomer.heard is not None:
            _make_findable(recording, newcomer.heard)
        if same is not None:
            _link(recording, same)
    return recording


def replace_audio(
    *,
    recording: Recording,
    newcomer: Newcomer,
    source_url: str = "",
    user: User | None,
) -> Recording | None:
    """Give a recording the audio of ``newcomer``, or that of a link.

    Returns the recording that has the same audio already, if any; the two are linked.
    Somebody chose this audio, so no rule refuses it. Raises ``ChangeRefused``.
    """
    with transaction.atomic():
        # The recording before its bucket, as a worker that has fingerprinted it does.
        Recording.objects.select_for_update(of=("self",)).get(pk=recording.pk)
        _lock(newcomer.bucket)
        same = None
        if newcomer.compares:
            same = find_same(
                bucket=newcomer.bucket,
                fingerprint=newcomer.heard,
                audio=newcomer.audio,
                other_than=recording,
            )
        changes.replace_audio(
            recording=recording,
            audio=newcomer.audio,
            source_url=source_url,
            user=user,
        )
        selectors.outdated_links(recording=recording).delete()
        if newcomer.heard is not None:
            _make_findable(recording, newcomer.heard)
        # The same file again keeps its links, and what people decided about them.
        if same is not None and not selectors.are_linked(recording, same.recording):
            _link(recording, same)
    return same.recording if same is not None else None


class Rehearsal:
    """What a dry run would have changed so far, for the rows that follow.

    Fingerprints are stored in ``folder``, because thousands do not fit into memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = SegmentStore(
            folder / "index", params_hash=params.DEFAULT.index_hash()
        )
        self._added: list[Recording] = []
        self._by_sha256: dict[str, Recording] = {}
        self.replaced: set[int] = set()
        """Keys of recordings whose audio would have been replaced."""

    def add(self, newcomer: Newcomer, details: RecordingDetails) -> None:
        """Note that this recording would have been added."""
        number = len(self._added) + 1
        would_be = Recording(bucket=newcomer.bucket)
        services.apply_details(would_be, details)
        self._added.append(would_be)
        if newcomer.audio is not None:
            self._by_sha256.setdefault(sha256_of(newcomer.audio), would_be)
        if newcomer.heard is not None:
            content = fingerprint_file.to_bytes(newcomer.heard)
            self._path(number).write_bytes(content)
            hashes, frames = reference_hashes(reference_layer(newcomer.heard))
            self._index.add_many(0, [(number, hashes, frames)])

    def replace_audio(self, recording: Recording, sha256: str) -> None:
        """Note that a recording would have got new audio; ``sha256`` is empty for a
        link.
        """
        self.replaced.add(recording.pk)
        if sha256:
            self._by_sha256.setdefault(sha256, recording)

    def same_file(self, sha256: str) -> Recording | None:
        """Return the recording that would have these bytes."""
        return self._by_sha256.get(sha256)

    def compared(self, landmarks: Landmarks) -> list[Same]:
        """Return the recordings added so far in the dry run that share sound."""
        leads = relatives(landmarks, index=self._index, bucket=0)
        found = []
        for number, candidate_leads in leads.items():
            stored = fingerprint_file.from_bytes(self._path(number).read_bytes())
            comparison = related(landmarks, reference_layer(stored), candidate_leads)
            if comparison is not None:
                would_be = self._added[number - 1]
                link = comparing.link_between(
                    Recording(pk=0), Recording(pk=number), comparison
                )
                found.append(Same(would_be, link))
        return found

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.acrfp"


def refuse_known(newcomer: Newcomer, rehearsal: Rehearsal | None = None) -> Same | None:
    """Return the existing recording, or raise ``AlreadyInCatalogue`` if the rule says
    so.

    A dry run passes its ``rehearsal``, and finds recordings that would exist by then.
    """
    bucket = newcomer.bucket
    if not newcomer.compares:
        return None
    same = find_same(
        bucket=bucket,
        fingerprint=newcomer.heard,
        audio=newcomer.audio,
        rehearsal=rehearsal,
    )
    if same is not None and newcomer.rule in _REFUSING:
        raise _refusal(bucket, same, newcomer.rule)
    return same


def find_same(
    *,
    bucket: Bucket,
    fingerprint: Fingerprint | None,
    audio: File[bytes] | None = None,
    rehearsal: Rehearsal | None = None,
    other_than: Recording | None = None,
) -> Same | None:
    """Return the bucket's recording that is the same one; the surest kind first.

    Looks at all recordings of the bucket, including those that the person may not see.
    Other versions count if the bucket says so.
    """
    with working_for(None):
        living = bucket.recordings.filter(status__in=_IN)
        if rehearsal is not None:
            living = living.exclude(pk__in=rehearsal.replaced)
        if other_than is not None:
            living = living.exclude(pk=other_than.pk)
        if audio is not None:
            sha256 = sha256_of(audio)
            existing = living.filter(audio_sha256=sha256).first()
            if existing is None and rehearsal is not None:
                existing = rehearsal.same_file(sha256)
            if existing is not None:
                link = PairLink(kind=DuplicateKind.EXACT_FILE)
                return Same(existing, link)
        if fingerprint is None:
            return None
        landmarks = reference_layer(fingerprint)
        found = _compared(bucket, living, landmarks)
        if rehearsal is not None:
            found += rehearsal.compared(landmarks)
    # Of several, name the one that is most certainly the same.
    found.sort(key=lambda same: -same.link.confidence)
    kinds = [DuplicateKind.SAME_AUDIO]
    if bucket.intake_versions:
        kinds.append(DuplicateKind.SAME_RECORDING)
    return next(
        (same for kind in kinds for same in found if same.link.kind == kind), None
    )


def _compared(
    bucket: Bucket, living: QuerySet[Recording], landmarks: Landmarks
) -> list[Same]:
    leads = relatives(landmarks, index=following.open_index(), bucket=bucket.pk)
    rows = living.exclude(fingerprint="").in_bulk(list(leads))
    found = []
    for pk, existing in rows.items():
        comparison = related(landmarks, index_store.load_landmarks(pk), leads[pk])
        if comparison is not None:
            # The new recording has no key yet; 0 sorts before every real one.
            unsaved = Recording(pk=0)
            found.append(
                Same(existing, comparing.link_between(unsaved, existing, comparison))
            )
    return found


def _lock(bucket: Bucket) -> None:
    """Hold the lock that the module docstring describes until the transaction ends."""
    Bucket.objects.present().select_for_update().get(pk=bucket.pk)


def _make_findable(recording: Recording, fingerprint: Fingerprint) -> None:
    """Have the index hold a recording at once, so that the next comparison finds it."""
    if not recording.fingerprint:
        key = recording.acr_id
        name = replace_bytes(
            f"fingerprints/{key[:2]}/{key}.acrfp",
            fingerprint_file.to_bytes(fingerprint),
        )
        recording.fingerprint = name
        Recording.objects.filter(pk=recording.pk).update(fingerprint=name)
    note_change([recording.pk])


def _link(recording: Recording, same: Same) -> None:
    """Save how a recording relates to the existing one that it was compared with."""
    link = same.link
    if link.kind == DuplicateKind.EXACT_FILE:
        comparing.link_between(recording, same.recording).save()
        return
    # The comparison put the recording first; a stored link puts the lower key first.
    link.one, link.other = recording, same.recording
    if recording.pk > same.recording.pk:
        comparing.turn(link)
        link.one, link.other = same.recording, recording
    link.audio_one = link.one.audio_sha256
    link.audio_other = link.other.audio_sha256
    link.save()


def _refusal(bucket: Bucket, same: Same, rule: IntakeRule) -> AlreadyInCatalogue:
    existing, kind = same.recording, same.link.kind
    names = {
        "name": existing,
        "bucket": bucket.name,
        "id": existing.custom_id or existing.uid,
    }
    what = {
        DuplicateKind.EXACT_FILE: _(
            "This file is already in %(bucket)s, as %(name)s (%(id)s)."
        ),
        DuplicateKind.SAME_AUDIO: _(
            "The same audio is already in %(bucket)s, as %(name)s (%(id)s)."
        ),
    }.get(
        DuplicateKind(kind),
        _("Another version is already in %(bucket)s: %(name)s (%(id)s)."),
    )
    return AlreadyInCatalogue(
        f"{what % names} " + _("Nothing was added."),
        existing=existing,
        field="audio",
        relation=kind,
        may_add=rule == IntakeRule.ASK,
    )


def _refuse_same_id(bucket: Bucket, custom_id: str) -> None:
    if not custom_id:
        return
    with working_for(None):
        named = bucket.recordings.filter(custom_id=custom_id)
        existing = (
            named.exclude(status=RecordingStatus.RETIRED).first()
            or named.filter(merged_into__isnull=False).first()
        )
        if existing is None:
            return
        stands = existing.stands_for_it
    message = _("The id %(id)s belongs to %(name)s in %(bucket)s.") % {
        "id": custom_id,
        "name": stands,
        "bucket": bucket.name,
    }
    raise AlreadyInCatalogue(
        f"{message} " + _("Nothing was added."), existing=stands, field="custom_id"
    )
