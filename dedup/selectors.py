"""Read access to duplicates: work to do, and results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import combinations, pairwise

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import ngettext

from base.accounts.reach import working_for
from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.grouping import LinkedPair
from dedup.models import (
    GROUPING_KINDS,
    ActionVerb,
    CatalogueCheck,
    CheckedRecording,
    DedupAction,
    DedupGroup,
    DedupMember,
    DuplicateKind,
    GroupKind,
    PairLink,
    RunStatus,
)
from recognition.params import ENGINE_VERSION
from review.models import Match
from scanning.choices import ScanStatus
from scanning.models import Scan, ScannedFile

# Pairs grow with the square: 12 copies are 66 pairs, 1,000 would be half a million.
_ALL_PAIRS = 12
_NAMED = 5


def recordings_to_compare(*, bucket: Bucket) -> QuerySet[Recording]:
    """Return the searchable recordings of a bucket."""
    return bucket.recordings.filter(status=RecordingStatus.READY).order_by("pk")


def unchecked(*, bucket: Bucket) -> QuerySet[Recording]:
    """Return the recordings not yet compared with their current audio."""
    checked = CheckedRecording.objects.filter(
        recording=OuterRef("pk"),
        # New audio, another bucket or another engine invalidates a comparison.
        audio=OuterRef("audio_sha256"),
        bucket=OuterRef("bucket"),
        engine_version=ENGINE_VERSION,
    )
    rows = recordings_to_compare(bucket=bucket).exclude(fingerprint="")
    return rows.filter(~Exists(checked))


def groups_of_bucket(*, bucket: Bucket, kind: GroupKind) -> QuerySet[DedupGroup]:
    """Return the groups with a member in the bucket, oldest first."""
    members = DedupMember.objects.filter(recording__bucket=bucket)
    rows = DedupGroup.objects.filter(pk__in=members.values("group"), kind=kind)
    return rows.order_by("pk").prefetch_related("members")


def links_of_bucket(*, bucket: Bucket, kinds: Collection[str] = GROUPING_KINDS) -> list[LinkedPair]:
    """Return the links that hold groups together; both recordings are in the bucket.

    Pairs kept apart hold nothing together.
    """
    living = {"bucket": bucket, "status": RecordingStatus.READY}
    ends = {f"{end}__{name}": value for end in ("one", "other") for name, value in living.items()}
    rows = PairLink.objects.filter(kind__in=kinds, kept_at__isnull=True, **ends)
    return [
        LinkedPair(first, second, DuplicateKind(kind))
        for first, second, kind in rows.order_by("pk").values_list("one_id", "other_id", "kind")
    ]


def concerns_groups(*, recording: Recording) -> bool:
    """Return whether a recording is linked with any other, or still in a group."""
    links = PairLink.objects.filter(_has_end(recording), kept_at__isnull=True)
    return links.exists() or DedupMember.objects.filter(recording=recording).exists()


def are_linked(recording: Recording, partner: Recording) -> bool:
    """Return whether a link, or the decision to keep them apart, joins two recordings."""
    links = PairLink.objects.filter(_has_end(recording)).filter(_has_end(partner))
    return links.exists()


def outdated_links(*, recording: Recording | None = None) -> QuerySet[PairLink]:
    """Return links, and decisions about them, whose audio was replaced since.

    With ``recording``, only those of that recording.
    """
    rows = PairLink.objects.exclude(
        audio_one=F("one__audio_sha256"), audio_other=F("other__audio_sha256")
    )
    return rows if recording is None else rows.filter(_has_end(recording))


def _has_end(recording: Recording) -> Q:
    return Q(one=recording) | Q(other=recording)


def exact_pairs(*, bucket: Bucket) -> Iterable[tuple[Recording, Recording]]:
    """Yield pairs with the same bytes, and one pair per other bucket that has them.

    Of more than ``_ALL_PAIRS`` copies of one file, each is paired only with the next.
    """
    rows = Recording.objects.filter(status=RecordingStatus.READY).exclude(audio_sha256="")
    mine = rows.filter(bucket=bucket)
    twice = (
        rows.filter(audio_sha256__in=mine.values("audio_sha256"))
        .order_by()
        .values("audio_sha256")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
    )
    same: dict[tuple[str, int], dict[int, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in rows.filter(audio_sha256__in=twice.values("audio_sha256")).order_by("pk"):
        key = (recording.audio_sha256, recording.audio_bytes)
        same[key][recording.bucket_id].append(recording)
    for of_bucket in same.values():
        here = of_bucket.pop(bucket.pk, [])
        yield from combinations(here, 2) if len(here) <= _ALL_PAIRS else pairwise(here)
        if here:
            yield from ((here[0], there[0]) for there in of_bucket.values())


def last_check() -> CatalogueCheck | None:
    """Return the last finished check of the catalogue.

    Ignores access limits: everybody may know when it was, but not what it found.
    """
    done = CatalogueCheck.objects.filter(status=RunStatus.DONE)
    with working_for(None):
        return done.order_by("-finished_at").first()


def check_under_way() -> CatalogueCheck | None:
    """Return the check that waits or runs."""
    return CatalogueCheck.objects.filter(status__in=[RunStatus.WAITING, RunStatus.RUNNING]).first()


def matches_by_recording(recordings: Iterable[int]) -> dict[int, int]:
    """Return how many live matches each recording has, by key."""
    counted = (
        Match.objects.filter(recording__in=list(recordings))
        .order_by()
        .values_list("recording")
        .annotate(total=Count("pk"))
    )
    return dict(counted)


def open_pairs() -> QuerySet[PairLink]:
    """Return pairs that no group shows: overlaps, and the same file in two buckets."""
    apart = Q(kind=DuplicateKind.EXACT_FILE) & ~Q(one__bucket=F("other__bucket"))
    return (
        PairLink.objects.filter(Q(kind=DuplicateKind.OVERLAP) | apart)
        .filter(
            kept_at__isnull=True,
            one__status=RecordingStatus.READY,
            other__status=RecordingStatus.READY,
        )
        .select_related("one__bucket", "other__bucket")
    )


def kept_pairs() -> QuerySet[PairLink]:
    """Return the pairs kept apart, the latest first."""
    rows = PairLink.objects.filter(kept_at__isnull=False)
    return rows.select_related("one__bucket", "other__bucket", "kept_by").order_by(
        "-kept_at", "-pk"
    )


def left_by_undo(action: DedupAction) -> str:
    """Return what an undo does not bring back, and what to do; "" if it brings all.

    Files that were scanned since keep the matches of that scan.
    """
    recordings = Match.objects.filter(
        scanned_file=OuterRef("pk"), recording__uid__in=list(action.before.get("recordings", ()))
    )
    scans = Scan.objects.filter(
        scanned_file=OuterRef("pk"), status=ScanStatus.SUCCEEDED, started_at__gt=action.done_at
    )
    files = ScannedFile.objects.filter(Exists(recordings), Exists(scans), deleted_at__isnull=True)
    names = list(files.order_by("name", "pk").values_list("name", flat=True))
    if not names:
        return ""
    text = ", ".join(f"“{name}”" for name in names[:_NAMED])
    values = {"n": len(names), "files": text + (", …" if len(names) > _NAMED else "")}
    if action.verb == ActionVerb.MERGE:
        # ``review.services.parting`` asks for the scans.
        return (
            ngettext(
                "%(n)s file was scanned since then: %(files)s. It keeps the matches of that scan "
                "until the undo has scanned it again, which needs its audio.",
                "%(n)s files were scanned since then: %(files)s. They keep the matches of those "
                "scans until the undo has scanned them again, which needs their audio.",
                len(names),
            )
            % values
        )
    return (
        ngettext(
            "%(n)s file was scanned since then and keeps the matches of that scan: %(files)s. "
            "Rescan it once the action is undone.",
            "%(n)s files were scanned since then and keep the matches of those scans: "
            "%(files)s. Rescan them once the action is undone.",
            len(names),
        )
        % values
    )
