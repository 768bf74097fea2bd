"""Keeps the rows of differences: they open and go by themselves.

A full comparison and one of a few rows go through the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Prefetch, Q, QuerySet

from base.accounts.reach import working_for
from base.common.batches import batched
from base.jobs.context import JobContext
from catalogue.models import Recording
from catalogue.owners.models import Work
from catalogue.owners.records import record_keys
from catalogue.sounds import members_of, sounds_of
from plugins.claims.bulk import write_rows
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, LinkedBy
from plugins.claims.finding.claims import (
    CLAIM_COLUMNS,
    CLAIM_KINDS,
    HeardVideos,
    of_claims,
    video_file_of,
)
from plugins.claims.finding.discrepancy import FoundDiscrepancy
from plugins.claims.finding.grounds import Grounds
from plugins.claims.finding.matches import CLAIMABLE, of_matches, of_recordings
from plugins.claims.finding.owners import of_assets, of_videos
from plugins.claims.joining import link_assets, merged_with
from plugins.claims.models import (
    ClaimFileRow,
    Discrepancy,
    GroundChange,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
)
from plugins.claims.statement import CLAIM_FILE
from review.models import Match
from scanning.models import ScannedFile
from statements.following import note_subjects

AT_ONCE: Final = 500
CLAIMS_AT_ONCE: Final = 2_000
Report = Callable[[], None]
_COLUMNS: Final = {
    "account_id": "account",
    "claim_id": "claim",
    "asset_id": "asset",
    "video_id": "video",
    "match_id": "match",
    "recording_id": "recording",
    "scanned_file_id": "scanned_file",
    "evidence": "evidence",
    "basis": "basis",
    "is_weak": "is_weak",
    "views": "views",
    "due_on": "due_on",
}
"""The columns of a row, and the fields of what was found."""


def run(context: JobContext) -> None:
    """Compare everything of the account anew, until nothing asks for it any more."""
    account = context.subject
    while True:
        account.refresh_from_db(fields=["wanted"])
        compare_account(account, context.report)
        PlatformAccount.objects.filter(pk=account.pk).update(
            compared=account.wanted, compared_at=datetime.now(tz=UTC)
        )
        if not PlatformAccount.objects.filter(pk=account.pk, wanted__gt=F("compared")).exists():
            break
    context.finish()


def follow(context: JobContext) -> None:
    """Compare what stands on the grounds that have changed, until none is left."""
    while changes := list(GroundChange.objects.order_by("pk")[:AT_ONCE]):
        follow_changes(changes, context.report)
    context.finish()


def follow_changes(changes: Sequence[GroundChange], report: Report = lambda: None) -> None:
    """Compare what stands on some grounds, then forget them.

    What changes meanwhile has rows of its own.
    """
    subjects: dict[str, set[int]] = {"file": set(), "recording": set()}
    for change in changes:
        subjects[change.ground].add(change.subject)
    files = subjects["file"]
    with working_for(None):
        keys = ScannedFile.objects.filter(pk__in=files).exclude(link_key="")
        links = set(keys.values_list("link_key", flat=True))
        about = Q(link_key__in=links) | Q(scanned_file__in=files)
        _compare_claims(PlatformClaim.objects.filter(about), report)
        _compare_videos(PlatformVideo.objects.filter(about), report)
        _compare_matches(Match.objects.filter(scanned_file__in=files), report)
        _follow_recordings(subjects["recording"], report)
    GroundChange.objects.filter(pk__in=[change.pk for change in changes]).delete()


def _follow_recordings(recordings: Collection[int], report: Report) -> None:
    members = _members_with(recordings)
    changed = Recording.objects.filter(pk__in=recordings)
    assets = PlatformAsset.objects.filter(
        Q(recording__in=members)
        | _named_like(changed)
        # Those that a recording left without saying which.
        | Q(linked_by=LinkedBy.AMBIGUOUS)
    )
    former = dict(assets.values_list("pk", "recording"))
    former |= dict(merged_with(former).values_list("pk", "recording"))
    for some in batched(sorted(former), AT_ONCE):
        report()
        link_assets(list(PlatformAsset.objects.filter(pk__in=some)))
    of_assets = PlatformAsset.objects.filter(pk__in=former)
    _compare_claims(PlatformClaim.objects.filter(asset__in=former), report)
    _compare_videos(PlatformVideo.objects.filter(asset__in=former), report)
    _compare_assets(of_assets, report)
    # An asset that moved concerns both recordings.
    linked = of_assets.values_list("recording", flat=True)
    touched = _members_with(
        {pk for pk in (*recordings, *former.values(), *linked) if pk is not None}
    )
    links = PlatformClaim.objects.filter(asset__in=former).values("link_key")
    of_links = Q(scanned_file__link_key__in=links)
    matches = Match.objects.filter(Q(recording__in=touched) | of_links)
    _compare_matches(matches, report)
    _compare_recordings(Recording.objects.filter(pk__in=touched), report)


def _members_with(recordings: Collection[int]) -> set[int]:
    """Return all recordings with the sound of some, and these themselves."""
    rows = Recording.objects.filter(pk__in=recordings).select_related("merged_into")
    return {*recordings, *members_of({*sounds_of(rows).values(), *recordings})}


def _named_like(recordings: Iterable[Recording]) -> Q:
    """Return the condition that an asset has an identifier of one of the recordings."""
    customs = {recording.custom_id for recording in recordings} - {""}
    isrcs = {
        code
        for recording in recordings
        for own in (recording.isrc_normalised, recording.own_isrc)
        if own
        for code in (own, own.lower(), f"{own[:2]}-{own[2:5]}-{own[5:7]}-{own[7:]}")
    }
    records = {pk for some in record_keys(recordings).values() for pk in some}
    works = Work.objects.filter(recordings__in=records)
    named = Work.objects.filter(Q(pk__in=works) | Q(merged_into__in=works))
    iswcs = {*(recording.iswc for recording in recordings), *named.values_list("iswc", flat=True)}
    return (
        Q(custom_id__in=customs)
        | Q(claimed_custom_id__in=customs)
        | Q(your_isrc__in=isrcs)
        | Q(display_isrc__in=isrcs)
        | Q(claimed_isrc__in=isrcs)
        | Q(claimed_iswc__in=iswcs - {""})
    )


def compare_account(account: PlatformAccount, report: Report = lambda: None) -> None:
    """Compare all rows of an account, and all matches and recordings."""
    with working_for(None):
        assets = PlatformAsset.objects.filter(account=account)
        _note_merges(assets, report)
        for some in by_key(assets):
            report()
            link_assets(some)
        _compare_claims(PlatformClaim.objects.filter(account=account), report)
        _compare_videos(PlatformVideo.objects.filter(account=account), report)
        _compare_assets(assets, report)
        discrepancies = Discrepancy.objects.filter(kind=DiscrepancyKind.NOT_CLAIMED)
        matches = Match.objects.filter(
            Q(state__in=CLAIMABLE) | Q(pk__in=discrepancies.values("match"))
        )
        _compare_matches(matches, report)
        _compare_recordings(Recording.objects.all(), report)


def _note_merges(assets: QuerySet[PlatformAsset], report: Report) -> None:
    """Store into which asset the platform merged each, as the newest report says."""
    for some in by_key(assets.filter(whole__isnull=False).select_related("whole")):
        report()
        unmerged = [
            asset.pk
            for asset in some
            if asset.whole.gone_on is not None or asset.asset_id not in asset.whole.part_ids
        ]
        assets.filter(pk__in=unmerged).update(whole=None)
    for some in by_key(assets.exclude(constituents="").filter(gone_on=None)):
        report()
        wholes = {part: whole.pk for whole in some for part in whole.part_ids}
        moved = []
        for merged in assets.filter(asset_id__in=wholes):
            if wholes[merged.asset_id] not in (merged.pk, merged.whole_id):
                merged.whole_id = wholes[merged.asset_id]
                moved.append(merged)
        PlatformAsset.objects.bulk_update(moved, ["whole"], batch_size=AT_ONCE)


def _compare_claims(rows: QuerySet[PlatformClaim], report: Report) -> None:
    grounds = Grounds()
    # Many claims share an asset and terms, and few columns matter.
    assets = PlatformAsset.objects.select_related("recording__merged_into")
    rows = rows.only(*CLAIM_COLUMNS).prefetch_related(Prefetch("asset", queryset=assets), "terms")
    for claims in by_key(rows, at_once=CLAIMS_AT_ONCE):
        report()
        heard = HeardVideos(claims)
        discrepancies = of_claims(claims, grounds, heard)
        with transaction.atomic():
            _note_files(claims, heard.files)
            about = Q(claim__in=[claim.pk for claim in claims])
            _store(about, CLAIM_KINDS, discrepancies)


def _note_files(
    rows: Sequence[PlatformClaim | PlatformVideo], files: Mapping[str, ScannedFile]
) -> None:
    """Store the file of each row's video, by which access limits go."""
    moved: list[Any] = []  # Any: of either model
    for row in rows:
        file = files.get(row.link_key)
        if row.scanned_file_id != (file and file.pk):
            row.scanned_file = file
            moved.append(row)
    if moved:
        model = type(moved[0])
        model._default_manager.bulk_update(moved, ["scanned_file"], batch_size=AT_ONCE)


def _compare_videos(rows: QuerySet[PlatformVideo], report: Report) -> None:
    grounds = Grounds()
    for videos in by_key(rows.select_related("asset__recording__merged_into")):
        report()
        files = video_file_of(video.link_key for video in videos)
        discrepancies = of_videos(videos, grounds, files)
        with transaction.atomic():
            _note_files(videos, files)
            about = Q(video__in=[video.pk for video in videos])
            _store(about, (DiscrepancyKind.BY_OTHERS,), discrepancies)


def _compare_matches(rows: QuerySet[Match], report: Report) -> None:
    grounds = Grounds()
    rows = rows.select_related(
        "recording__merged_into", "scanned_file__container", "scan", "licence"
    )
    for matches in by_key(rows):
        report()
        discrepancies = of_matches(matches, grounds)
        about = Q(match__in=[match.pk for match in matches])
        _store(about, (DiscrepancyKind.NOT_CLAIMED,), discrepancies)


def _compare_assets(rows: QuerySet[PlatformAsset], report: Report) -> None:
    grounds = Grounds()
    for assets in by_key(rows.select_related("recording__merged_into")):
        report()
        # Claims and videos that others claim name their asset too.
        keys = [asset.pk for asset in assets]
        about = Q(asset__in=keys, claim=None, video=None)
        discrepancies = of_assets(assets, grounds)
        _store(about, (DiscrepancyKind.BY_OTHERS,), discrepancies)


def _compare_recordings(rows: QuerySet[Recording], report: Report) -> None:
    grounds = Grounds()
    for recordings in by_key(rows):
        report()
        discrepancies = of_recordings(recordings, grounds)
        about = Q(recording__in=[recording.pk for recording in recordings])
        _store(about, (DiscrepancyKind.NO_REFERENCE,), discrepancies)


def by_key(
    rows: QuerySet[Any],  # Any: rows of any model
    *,
    at_once: int = AT_ONCE,
) -> Iterator[list[Any]]:
    """Yield rows in chunks; each chunk begins after the last key of the one before."""
    last = 0
    ordered = rows.order_by("pk")
    while some := list(ordered.filter(pk__gt=last)[:at_once]):
        yield some
        last = some[-1].pk


@transaction.atomic
def _store(
    about: Q, kinds: Collection[DiscrepancyKind], discrepancies: Iterable[FoundDiscrepancy]
) -> None:
    """Change the rows about some subjects to what was found about them."""
    unstored = {discrepancy.key: discrepancy for discrepancy in discrepancies}
    changed: list[Discrepancy] = []
    for row in Discrepancy.objects.select_for_update().filter(about, kind__in=kinds):
        if _follow_row(row, unstored.pop(row.key, None)):
            row.revision += 1
            changed.append(row)
    Discrepancy.objects.bulk_update(
        changed,
        [
            *_COLUMNS.values(),
            *("state", "note", "dismissed_by", "dismissed_at", "opened_at", "revision"),
        ],
        batch_size=100,
    )
    if changed:
        rows = ClaimFileRow.objects.living().filter(discrepancy__in=changed)
        files = set(rows.values_list("file__uid", flat=True))
        note_subjects(CLAIM_FILE, files)
    now = datetime.now(tz=UTC)
    write_rows(
        Discrepancy,
        [
            {
                "kind": discrepancy.kind.value,
                "key": key,
                "opened_at": now,
                **{of: getattr(discrepancy, of) for of in _COLUMNS.values()},
            }
            for key, discrepancy in unstored.items()
        ],
    )


def _follow_row(row: Discrepancy, discrepancy: FoundDiscrepancy | None) -> bool:
    """Change one row if its subject has changed; return whether it has."""
    if discrepancy is None:
        if row.state == DiscrepancyState.GONE:
            return False
        _become(row, DiscrepancyState.GONE)
        return True
    values = {name: getattr(discrepancy, of) for name, of in _COLUMNS.items()}
    reopens = row.state == DiscrepancyState.GONE or row.basis != discrepancy.basis
    if not reopens and all(getattr(row, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(row, name, value)
    if reopens:
        _become(row, DiscrepancyState.OPEN)
    return True


def _become(row: Discrepancy, state: DiscrepancyState) -> None:
    if row.state != DiscrepancyState.OPEN and state == DiscrepancyState.OPEN:
        row.opened_at = datetime.now(tz=UTC)
    row.state, row.note = state, ""
    row.dismissed_by = row.dismissed_at = None
