"""Adding a recording: compare with what is there first, then as the bucket says.

The bucket is locked from the comparison until the recording is in, and a recording is
in the index before the lock is given up: of two that come at one moment the second
finds the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.reach import working_for
from catalogue import index_store, services
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.services import RecordingDetails
from common.media_analysis import fingerprint_upload
from common.storage import replace_bytes, sha256_of
from dedup import comparing
from dedup.models import DuplicateKind, PairLink
from recognition import fingerprint as fingerprint_file
from recognition.compare import related
from recognition.errors import RecognitionError
from recognition.layers import reference_layer
from recognition.relatives import relatives
from recognition.types import Fingerprint, Landmarks

_REFUSING = (IntakeRule.REJECT, IntakeRule.ASK)
_IN = (RecordingStatus.READY, RecordingStatus.WAITING, RecordingStatus.PROCESSING)


class AlreadyInCatalogue(Exception):
    """The recording is there already; the text names it. Nothing was added.

    ``field`` is the form's field that the collision is about, ``relation`` how the two
    relate where they were compared. ``may_add`` says that the bucket asks a person,
    who may add it all the same.
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
    """A recording that is there already, and the link that the new one would have."""

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
    """Add a recording as audio or as a fingerprint, unless it is there already.

    What happens then is the bucket's rule, or a person's ``answer`` where the rule is
    to ask. Raises ``AlreadyInCatalogue`` and ``BadIdentifier``.
    """
    rule = IntakeRule(bucket.intake_rule)
    if rule == IntakeRule.ASK and answer is not None:
        rule = answer
    heard = fingerprint
    if heard is None and audio is not None and rule != IntakeRule.IGNORE:
        heard = _heard(audio)
    with transaction.atomic():
        Bucket.objects.select_for_update().get(pk=bucket.pk)
        _refuse_same_id(bucket, details.custom_id)
        same = None
        if rule != IntakeRule.IGNORE:
            same = find_same(bucket=bucket, fingerprint=heard, audio=audio)
        if same is not None and rule in _REFUSING:
            raise _refusal(bucket, same, rule)
        recording = services.add_recording(
            bucket=bucket,
            details=details,
            audio=audio,
            fingerprint=fingerprint,
            user=user,
        )
        if heard is not None:
            _make_findable(recording, heard)
        if same is not None:
            _link(recording, same)
    return recording


def find_same(
    *,
    bucket: Bucket,
    fingerprint: Fingerprint | None,
    audio: File[bytes] | None = None,
) -> Same | None:
    """Return the recording of a bucket that is the same one, the surest kind first.

    Whoever asks hears of every recording of the bucket, not of those only that the
    person may see. Other versions count where the bucket says so.
    """
    with working_for(None):
        if audio is not None:
            existing = bucket.recordings.filter(
                audio_sha256=sha256_of(audio), status__in=_IN
            ).first()
            if existing is not None:
                link = PairLink(kind=DuplicateKind.EXACT_FILE)
                return Same(existing, link)
        if fingerprint is None:
            return None
        found = _compared(bucket, reference_layer(fingerprint))
    kinds = [DuplicateKind.SAME_AUDIO]
    if bucket.intake_versions:
        kinds.append(DuplicateKind.SAME_RECORDING)
    return next(
        (same for kind in kinds for same in found if same.link.kind == kind), None
    )


def _compared(bucket: Bucket, landmarks: Landmarks) -> list[Same]:
    leads = relatives(landmarks, index=index_store.open_index(), bucket=bucket.pk)
    living = bucket.recordings.filter(status__in=_IN).exclude(fingerprint="")
    found = []
    for pk, existing in living.in_bulk(list(leads)).items():
        told = related(landmarks, index_store.load_landmarks(pk), leads[pk])
        if told is not None:
            unsaved = Recording(pk=0)
            found.append(
                Same(existing, comparing.link_between(unsaved, existing, told))
            )
    return sorted(found, key=lambda same: -same.link.confidence)


def _heard(audio: File[bytes]) -> Fingerprint | None:
    """Return the fingerprint of audio; None where a worker will say what is wrong."""
    try:
        return fingerprint_upload(audio, layer="reference")
    except RecognitionError:
        return None


def _make_findable(recording: Recording, fingerprint: Fingerprint) -> None:
    """Have the next one that comes in find this one, before a worker has seen it."""
    if not recording.fingerprint:
        key = recording.acr_id
        name = replace_bytes(
            f"fingerprints/{key[:2]}/{key}.acrfp",
            fingerprint_file.to_bytes(fingerprint),
        )
        recording.fingerprint = name
        Recording.objects.filter(pk=recording.pk).update(fingerprint=name)
    index_store.index_recording(recording)


def _link(recording: Recording, same: Same) -> None:
    """Say at once how the new recording relates to the one that is there."""
    link = same.link
    if link.kind == DuplicateKind.EXACT_FILE:
        comparing.link_between(recording, same.recording).save()
        return
    comparing.turn(link)  # the new recording, without a key yet, was the first of them
    link.one, link.other = same.recording, recording
    link.audio_one = same.recording.audio_sha256
    link.audio_other = recording.audio_sha256
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
            "This very file is in %(bucket)s already, as %(name)s (%(id)s)."
        ),
        DuplicateKind.SAME_AUDIO: _(
            "The same audio is in %(bucket)s already, as %(name)s (%(id)s)."
        ),
    }.get(
        DuplicateKind(kind),
        _("Another version of it is in %(bucket)s already: %(name)s (%(id)s)."),
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
