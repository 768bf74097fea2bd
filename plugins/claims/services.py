"""What people do with claims: link assets, explain values, dismiss differences."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited
from base.accounts.roles import Action
from base.audit.services import EventDraft
from catalogue.models import Recording
from plugins.claims.choices import (
    MEANINGS,
    DiscrepancyState,
    LinkedBy,
    Meaning,
    Platform,
    ValueColumn,
)
from plugins.claims.errors import ClaimsRefused
from plugins.claims.grounds import note, want_comparison
from plugins.claims.joining import link_assets, note_moved
from plugins.claims.models import (
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    ReportedValue,
)

BULK_LIMIT: Final = 2_000
_NOTE_LENGTH: Final = 500


def require(user: User, action: Action) -> None:
    """Raise ``PermissionDenied`` if the user may not do this."""
    if not user.has_perm(action):
        raise PermissionDenied(_("Your role does not allow this. Ask a manager."))


def find_account(*, platform: Platform, name: str, user: User) -> PlatformAccount:
    """Return the account with a name; make it if it is new."""
    require(user, Action.EDIT_CATALOGUE)
    refuse_limited(user)
    return PlatformAccount.objects.get_or_create(platform=platform, name=name.strip()[:200])[0]


@transaction.atomic
def link_asset(*, asset: PlatformAsset, recording: Recording | None, user: User) -> None:
    """Link an asset to the recording that a person chose, or by its ids again."""
    require(user, Action.EDIT_CATALOGUE)
    refuse_limited(user)
    row = PlatformAsset.objects.select_for_update(of=("self",)).get(pk=asset.pk)
    if recording is not None and recording.is_given_up:
        raise ClaimsRefused(_("This recording was retired. Choose another one."))
    before = {"recording": row.recording and row.recording.uid, "by": row.linked_by}
    touched = {row.recording_id}
    row.recording = recording
    row.linked_by = LinkedBy.PERSON if recording else LinkedBy.NOTHING
    row.save(update_fields=["recording", "linked_by"])
    note_moved([row])
    if recording is None:
        link_assets([row])
    touched.add(row.recording_id)
    base.audit.services.record(
        case=row.account.case,
        action="claims.asset_linked",
        actor=user,
        before=before,
        after={
            "asset": row.asset_id,
            "recording": row.recording and row.recording.uid,
            "by": row.linked_by,
        },
    )
    note(recordings={pk for pk in touched if pk})
    want_comparison(row.account)


@transaction.atomic
def explain_value(*, value: ReportedValue, meaning: str, user: User) -> bool:
    """Say once what a value means, or that it is unexplained; return if that is new."""
    require(user, Action.EDIT_CATALOGUE)
    refuse_limited(user)
    row = ReportedValue.objects.select_for_update().get(pk=value.pk)
    chosen = Meaning(meaning)
    if chosen not in MEANINGS[ValueColumn(row.column)]:
        raise ClaimsRefused(_("A value of this column cannot mean this."))
    if row.meaning == chosen:
        return False
    before = row.meaning
    row.meaning = chosen
    row.explained_by = user if chosen else None
    row.save(update_fields=["meaning", "explained_by"])
    base.audit.services.record(
        case="platform_values",
        action="claims.value_explained",
        actor=user,
        before={"value": row.value, "meaning": before},
        after={"value": row.value, "meaning": chosen.value},
    )
    want_comparison()
    return True


@transaction.atomic
def enter_dispute_day(*, claim: PlatformClaim, day: date | None, user: User) -> None:
    """Enter the true day of a dispute, or remove it."""
    require(user, Action.DECIDE)
    if day is not None and day < (claim.claimed_on or date.min):
        raise ClaimsRefused(_("The dispute cannot be older than the claim."))
    before = claim.disputed_on
    if before == day:
        return
    PlatformClaim.objects.filter(pk=claim.pk).update(disputed_on=day)
    base.audit.services.record(
        case=claim.account.case,
        action="claims.dispute_dated",
        actor=user,
        before={"claim": claim.claim_id, "day": before and before.isoformat()},
        after={"claim": claim.claim_id, "day": day and day.isoformat()},
    )
    want_comparison(claim.account)


@transaction.atomic
def dismiss(*, revisions: Mapping[str, int], note_text: str, user: User) -> tuple[int, int]:
    """Dismiss open differences, as a person saw them; return how many, and not."""
    require(user, Action.DECIDE)
    if not note_text.strip():
        raise ClaimsRefused(_("Say why it may stay as it is."))
    rows = _lock_discrepancies(revisions)
    chosen = [
        row
        for row in rows
        if row.state == DiscrepancyState.OPEN and row.revision == revisions[row.uid]
    ]
    now = datetime.now(tz=UTC)
    for row in chosen:
        row.state = DiscrepancyState.DISMISSED
        row.note = note_text.strip()[:_NOTE_LENGTH]
        row.dismissed_by, row.dismissed_at = user, now
    _save(chosen)
    base.audit.services.record_all(
        [
            EventDraft(
                case=row.case,
                action="claims.dismissed",
                after={"list": row.kind, "evidence": row.evidence},
                note=row.note,
            )
            for row in chosen
        ],
        actor=user,
    )
    return len(chosen), len(revisions) - len(chosen)


@transaction.atomic
def reopen(*, revisions: Mapping[str, int], user: User) -> tuple[int, int]:
    """Undo the dismissal of differences; return how many, and how many not."""
    require(user, Action.DECIDE)
    chosen = [
        row
        for row in _lock_discrepancies(revisions)
        if row.state == DiscrepancyState.DISMISSED and row.revision == revisions[row.uid]
    ]
    for row in chosen:
        row.state, row.note = DiscrepancyState.OPEN, ""
        row.dismissed_by = row.dismissed_at = None
    _save(chosen)
    base.audit.services.record_all(
        [EventDraft(case=row.case, action="claims.undone") for row in chosen], actor=user
    )
    return len(chosen), len(revisions) - len(chosen)


def _lock_discrepancies(uids: Collection[str]) -> list[Discrepancy]:
    """Lock the differences with these uids that the viewer may see."""
    if len(uids) > BULK_LIMIT:
        raise ClaimsRefused(_("Choose at most %(most)s entries at once.") % {"most": BULK_LIMIT})
    rows = Discrepancy.objects.select_for_update().filter(uid__in=list(uids))
    return list(rows.order_by("pk"))


def _save(rows: Collection[Discrepancy]) -> None:
    for row in rows:
        row.revision += 1
    Discrepancy.objects.bulk_update(
        rows, ["state", "note", "dismissed_by", "dismissed_at", "revision"], batch_size=200
    )
