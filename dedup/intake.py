"""Add a recording: compare it with existing ones first, then follow the bucket's rule.

Comparing and storing files are slow, so they come before the transaction that adds the
recording. That locks the bucket and looks whether the index has taken up anything of it
since; if so, the new recording is compared with that before it is tried again. So if
two copies arrive at once, the second one finds the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.media_analysis import analyse_upload
from base.common.storage import sha256_of
from catalogue import changes, following, index_log, index_store, services
from catalogue.index_log import note_change
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.selectors import shown_for
from dedup import comparing, selectors
from dedup.models import DuplicateKind, PairLink
from recognition import interrupts, params
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.file_format import reference_layer
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.store import SegmentStore
from recognition.relate.compare import related
from recognition.relate.relatives import relatives
from recognition.types import Fingerprint, Landmarks

_REFUSING = (IntakeRule.REJECT, IntakeRule.ASK)
# A recording that waits will be searchable, so it counts as present.
_IN = (RecordingStatus.READY, RecordingStatus.WAITING, RecordingStatus.PROCESSING)
# Comparisons again because others have added recordings meanwhile. Each is a search, in
# which few recordings come: only a bucket that never rests needs more.
_ROUNDS: Final = 20

T = TypeVar("T")


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
    details: Recording,
    audio: File[bytes] | None = None,
    fingerprint: Fingerprint | None = None,
    user: User | None = None,
    answer: IntakeRule | None = None,
    also: Callable[[Recording], None] = lambda _recording: None,
) -> Recording:
    """Add a recording as audio or as a fingerprint, unless it already exists.

    If it does, the bucket's rule applies, or a person's ``answer`` if the rule is to
    ask. ``also`` does more with it in the same transaction. Raises
    ``AlreadyInCatalogue``, ``BadIdentifier`` and ``ChangeRefused``.
    """
    newcomer = prepare(bucket=bucket, audio=audio, fingerprint=fingerprint, answer=answer)
    return add_prepared(newcomer=newcomer, details=details, user=user, also=also)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A recording that may be added, fingerprinted before anything is locked.

    ``rule`` says what happens if it already exists, ``compares`` whether to look for
    it. ``fingerprint`` is what the caller sent, ``heard`` that fingerprint or the
    audio's. ``sha256`` is the audio's.
    """

    bucket: Bucket
    rule: IntakeRule
    compares: bool
    audio: File[bytes] | None
    sha256: str
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
            heard = analyse_upload(audio, layer="reference").fingerprint
    sha256 = sha256_of(audio) if audio is not None else ""
    return Newcomer(bucket, rule, compares, audio, sha256, fingerprint, heard)


def add_prepared(
    *,
    newcomer: Newcomer,
    details: Recording,
    user: User | None,
    also: Callable[[Recording], None] = lambda _recording: None,
) -> Recording:
    """Add a prepared recording, unless it already exists; see ``add_recording``."""
    bucket = newcomer.bucket
    refuse_same_id(bucket, details.custom_id)
    comparison = Comparison.of(newcomer)
    same = comparison.same()
    # Again, because the id of what came meanwhile says more than its sound.
    refuse_same_id(bucket, details.custom_id)
    _refuse(newcomer, same)
    with services.new_recording(
        bucket=bucket,
        details=details,
        audio=newcomer.audio,
        sha256=newcomer.sha256,
        fingerprint=newcomer.fingerprint,
        heard=newcomer.heard,
    ) as recording:

        def add(same: Same | None) -> None:
            refuse_same_id(bucket, details.custom_id)
            _refuse(newcomer, same)
            save_findable(recording=recording, user=user)
            if same is not None:
                _link(recording, same)
            also(recording)

        comparison.settle(add)
    return recording


def save_findable(*, recording: Recording, user: User | None) -> None:
    """Save a recording; if it has landmarks, the next comparison finds it."""
    services.save_new(recording=recording, user=user)
    if recording.fingerprint:
        # A worker would index it too late for a copy that arrives next.
        note_change([recording.pk])


def replace_audio(
    *, recording: Recording, newcomer: Newcomer, source_url: str = "", user: User | None
) -> Recording | None:
    """Give a recording the audio of ``newcomer``, or that of a link.

    Returns the recording that has the same audio already, if any; the two are linked.
    Somebody chose this audio, so no rule refuses it. Raises ``ChangeRefused``.
    """
    with arriving_audio(
        recording=recording, newcomer=newcomer, source_url=source_url, user=user
    ) as replace:
        return replace(lambda: None)


def give_audio(*, recording: Recording, newcomer: Newcomer, user: User | None) -> None:
    """Give a recording that waits for it its audio, under the bucket's intake rule.

    A rule to ask refuses, too: a person can give the same audio on the recording's page.
    Raises ``AlreadyInCatalogue`` and ``ChangeRefused``.
    """
    with arriving_audio(
        recording=recording, newcomer=newcomer, source_url="", user=user, refuses=True
    ) as replace:
        replace(lambda: None)


Replace = Callable[[Callable[[], None]], Recording | None]
"""Replaces the audio after the call of a function, both in one transaction."""


@contextmanager
def arriving_audio(
    *,
    recording: Recording,
    newcomer: Newcomer,
    source_url: str,
    user: User | None,
    refuses: bool = False,
) -> Iterator[Replace]:
    """Compare and store a recording's other audio, for the block to replace it.

    The row is locked when the function that is given runs. ``refuses`` lets the bucket's
    rule refuse audio that another recording has.
    """
    comparison = Comparison.of(newcomer, replaced=recording)
    with changes.other_audio(
        recording=recording,
        audio=newcomer.audio,
        sha256=newcomer.sha256,
        heard=newcomer.heard,
        source_url=source_url,
    ):

        def replace(first: Callable[[], None]) -> Recording | None:
            def put(same: Same | None) -> Recording | None:
                if refuses:
                    _refuse(newcomer, same)
                first()
                changes.save_other_audio(recording=recording, user=user)
                selectors.outdated_links(recording=recording).delete()
                # The same file again keeps its links, and what people decided about
                # them.
                if same is None:
                    return None
                if not selectors.are_linked(recording, same.recording):
                    _link(recording, same)
                return same.recording

            return comparison.settle(put)

        yield replace


class Rehearsal:
    """What a dry run would have changed so far, for the rows that follow.

    Fingerprints are stored in ``folder``, because thousands do not fit into memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = SegmentStore(folder / "index", params_hash=params.DEFAULT.index_hash())
        self._held: list[Recording] = []
        self._by_sha256: dict[str, Recording] = {}
        self.replaced: set[int] = set()
        """Keys of recordings whose audio would have been replaced."""

    def add(self, newcomer: Newcomer, details: Recording) -> None:
        """Note that this recording would have been added."""
        columns = services.detail_columns(details)
        self._hold(Recording(bucket=newcomer.bucket, **columns), newcomer)

    def replace_audio(self, recording: Recording, newcomer: Newcomer) -> None:
        """Note that a recording would have got the audio of ``newcomer``."""
        self.replaced.add(recording.pk)
        self._hold(recording, newcomer)

    def _hold(self, recording: Recording, newcomer: Newcomer) -> None:
        number = len(self._held) + 1
        self._held.append(recording)
        if newcomer.audio is not None:
            self._by_sha256.setdefault(newcomer.sha256, recording)
        if newcomer.heard is not None:
            content = fingerprint_file.to_bytes(newcomer.heard)
            self._path(number).write_bytes(content)
            hashes, frames = reference_hashes(reference_layer(newcomer.heard))
            self._index.add_many(0, [(number, hashes, frames)])

    def same_file(self, sha256: str) -> Recording | None:
        """Return the recording that would have these bytes."""
        return self._by_sha256.get(sha256)

    def compared(self, landmarks: Landmarks) -> list[Same]:
        """Return the recordings whose sound in the dry run shares something."""
        leads = relatives(landmarks, index=self._index, bucket=0)
        duplicates = []
        for number, candidate_leads in leads.items():
            stored = fingerprint_file.from_bytes(self._path(number).read_bytes())
            comparison = related(landmarks, reference_layer(stored), candidate_leads)
            if comparison is not None:
                would_be = self._held[number - 1]
                link = comparing.link_between(Recording(pk=0), Recording(pk=number), comparison)
                duplicates.append(Same(would_be, link))
        return duplicates

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.acrfp"


def refuse_known(newcomer: Newcomer, rehearsal: Rehearsal | None = None) -> None:
    """Raise ``AlreadyInCatalogue`` if the bucket's rule refuses a recording.

    A dry run passes its ``rehearsal``, and finds recordings that would exist by then.
    """
    comparison = Comparison.of(newcomer, rehearsal=rehearsal)
    _refuse(newcomer, comparison.same())


@dataclass
class Comparison:
    """What a newcomer shares with the recordings of its bucket, up to a position.

    Looks at all of them, including those that the person may not see. ``replaced`` is
    the recording that the audio is for. Other versions count if the bucket says so.
    """

    newcomer: Newcomer
    replaced: Recording | None
    rehearsal: Rehearsal | None
    _position: int = 0
    _uncounted: set[int] = field(default_factory=set)
    _same: dict[int, Same] = field(default_factory=dict)
    _would_be: list[Same] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        newcomer: Newcomer,
        *,
        replaced: Recording | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> Comparison:
        """Compare a newcomer with all of its bucket. Slow; takes no locks."""
        made = cls(newcomer, replaced, rehearsal)
        if made._landmarks is not None:
            made._compare(None)
            if rehearsal is not None:
                made._would_be = rehearsal.compared(made._landmarks)
        return made

    def settle(self, act: Callable[[Same | None], T]) -> T:
        """Call ``act`` in a transaction that locks the bucket, with what is the same.

        Raises ``ChangeRefused`` if the bucket never rests.
        """
        for _round in range(_ROUNDS):
            with transaction.atomic():
                if self.replaced is not None:
                    # Before its bucket, as a worker that has fingerprinted it does.
                    _lock_recording(self.replaced, self.newcomer.bucket)
                _lock(self.newcomer.bucket)
                came = self._came_since()
                if not came:
                    return act(self.same())
            self._compare(came)
        raise changes.ChangeRefused(
            "bucket_busy",
            _(
                "Others are adding so many recordings to %(name)s that this one could "
                "not be compared with all of them. Nothing was added: try again."
            )
            % {"name": self.newcomer.bucket.name},
        )

    def same(self) -> Same | None:
        """Return the bucket's recording that is the same one; the surest kind first."""
        if not self.newcomer.compares:
            return None
        with working_for(None):
            living = self._living()
            return self._same_file(living) or self._same_sound(living)

    @property
    def _landmarks(self) -> Landmarks | None:
        heard = self.newcomer.heard
        if heard is None or not self.newcomer.compares:
            return None
        return reference_layer(heard)

    def _living(self) -> QuerySet[Recording]:
        living = self.newcomer.bucket.recordings.filter(status__in=_IN)
        if self.rehearsal is not None:
            living = living.exclude(pk__in=self.rehearsal.replaced)
        if self.replaced is not None:
            living = living.exclude(pk=self.replaced.pk)
        return living

    def _same_file(self, living: QuerySet[Recording]) -> Same | None:
        sha256 = self.newcomer.sha256
        if not sha256:
            return None
        existing = living.filter(audio_sha256=sha256).first()
        if existing is None and self.rehearsal is not None:
            existing = self.rehearsal.same_file(sha256)
        if existing is None:
            return None
        return Same(existing, PairLink(kind=DuplicateKind.EXACT_FILE))

    def _same_sound(self, living: QuerySet[Recording]) -> Same | None:
        # Some may have been retired, moved or replaced by a link since.
        rows = living.exclude(fingerprint="").in_bulk(list(self._same))
        duplicates = [same for pk, same in self._same.items() if pk in rows]
        duplicates += self._would_be
        # Of several, name the one that is most certainly the same.
        duplicates.sort(key=lambda same: -same.link.confidence)
        kinds = [DuplicateKind.SAME_AUDIO]
        if self.newcomer.bucket.intake_versions:
            kinds.append(DuplicateKind.SAME_RECORDING)
        return next((same for kind in kinds for same in duplicates if same.link.kind == kind), None)

    def _came_since(self) -> set[int]:
        """Return what was not there, or was other sound, at the last comparison."""
        if self._landmarks is None:
            return set()
        came = index_log.taken_up_after(self._position, self.newcomer.bucket.pk)
        return came - self._uncounted

    def _compare(self, only: set[int] | None) -> None:
        """Compare with all of the bucket, or with some of it; note the position."""
        landmarks, bucket = self._landmarks, self.newcomer.bucket
        if landmarks is None:
            return
        with (
            working_for(None),
            following.searched_index() as (index, position),
            interrupts.limited_search(),
        ):
            self._uncounted = index_log.uncounted_here(bucket.pk)
            leads = relatives(landmarks, index=index, bucket=bucket.pk)
            chosen = set(leads) if only is None else only & set(leads)
            rows = self._living().exclude(fingerprint="").in_bulk(list(chosen))
            for pk in only or ():
                self._same.pop(pk, None)
            for pk, existing in rows.items():
                comparison = related(landmarks, index_store.load_landmarks(pk), leads[pk])
                if comparison is not None:
                    # The new recording has no key yet; 0 sorts before every real one.
                    link = comparing.link_between(Recording(pk=0), existing, comparison)
                    self._same[pk] = Same(existing, link)
        self._position = position


def _lock(bucket: Bucket) -> None:
    """Hold the lock that the module docstring describes until the transaction ends."""
    present = Bucket.objects.present().select_for_update()
    if present.filter(pk=bucket.pk).first() is None:
        raise changes.ChangeRefused(
            "unknown_bucket",
            _("%(name)s was deleted. Nothing was added: choose another bucket.")
            % {"name": bucket.name},
        )


def _lock_recording(recording: Recording, bucket: Bucket) -> None:
    rows = Recording.objects.select_for_update(of=("self",)).filter(bucket=bucket)
    if rows.filter(pk=recording.pk).first() is None:
        raise changes.ChangeRefused(
            "moved",
            _("%(title)s was moved meanwhile. Nothing was changed: try again.")
            % {"title": recording.full_title},
        )


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


def _refuse(newcomer: Newcomer, same: Same | None) -> None:
    """Raise ``AlreadyInCatalogue`` if the rule refuses what is there already."""
    if same is None or newcomer.rule not in _REFUSING:
        return
    existing, kind = same.recording, same.link.kind
    names = {
        "name": existing,
        "bucket": newcomer.bucket.name,
        "id": existing.custom_id or existing.uid,
    }
    sentence = {
        DuplicateKind.EXACT_FILE: _("This file is already in %(bucket)s, as %(name)s (%(id)s)."),
        DuplicateKind.SAME_AUDIO: _(
            "The same audio is already in %(bucket)s, as %(name)s (%(id)s)."
        ),
    }.get(DuplicateKind(kind), _("Another version is already in %(bucket)s: %(name)s (%(id)s)."))
    raise AlreadyInCatalogue(
        f"{sentence % names} " + _("Nothing was added."),
        existing=existing,
        field="audio",
        relation=kind,
        may_add=newcomer.rule == IntakeRule.ASK,
    )


def refuse_same_id(bucket: Bucket, custom_id: str) -> None:
    """Raise ``AlreadyInCatalogue`` if a recording of the bucket has an id."""
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
    stands = shown_for(existing)
    message = _("The id %(id)s belongs to %(name)s in %(bucket)s.") % {
        "id": custom_id,
        "name": stands,
        "bucket": bucket.name,
    }
    raise AlreadyInCatalogue(
        f"{message} " + _("Nothing was added."), existing=stands, field="custom_id"
    )
