"""Replaces the shares of a record that a sender claimed before by those it claims now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from catalogue.owners import tis
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.models import RightsRecording, Share, Work
from catalogue.owners.records import case_of
from plugins.rights.applying.changes import Changes
from plugins.rights.applying.values import (
    ClaimRefused,
    checked_end,
    checked_percent,
    checked_territories,
)
from plugins.rights.claims import ShareClaim
from plugins.rights.matching import share_values


def checked_shares(
    changes: Changes, claims: Sequence[ShareClaim], rights: set[Right]
) -> dict[tuple[str, str], list[Share]]:
    """Return unsaved shares per right and kind; raise for the first bad one."""
    claimed: dict[tuple[str, str], list[Share]] = defaultdict(list)
    for claim in claims:
        try:
            share = _share(changes, claim, rights)
        except ClaimRefused as refused:
            refused.line = claim.line
            raise
        claimed[share.right, share.kind].append(share)
    return claimed


def replace_shares(
    changes: Changes,
    record: Work | RightsRecording,
    claimed: Mapping[tuple[str, str], list[Share]],
    number: str = "",
) -> None:
    """Replace the shares that this source claimed, per right and kind.

    Of a work, those under its own number of the source: two of them may be merged,
    and some of its shares may stand in a work that a person split off.
    """
    if not claimed:
        return
    on = "work" if isinstance(record, Work) else "recording"
    for shares in claimed.values():
        for share in shares:
            setattr(share, on, record)
            share.number = number
    living: dict[tuple[str, str], list[Share]] = defaultdict(list)
    left_alone: set[tuple[object, ...]] = set()
    case = case_of(record)
    if case not in changes.new or case in changes.rows.shared:
        changes.rows.save()
        earlier = Share.objects.filter(**{on: record}, claimant=changes.claimant)
        for share in earlier:
            if share.withdrawn_at is None and share.number == number:
                living[share.right, share.kind].append(share)
            elif share.withdrawn_at is None or share.withdrawn_by_id is not None:
                # Claimed under another number too, or taken out by a person.
                left_alone.add(share_values(share))
    for share in changes.existing.moved.get(number, ()):
        living[share.right, share.kind].append(share)
    changes.rows.shared.add(case)
    for group, shares in claimed.items():
        _replace(changes, record, living[group], shares, left_alone)


def _replace(
    changes: Changes,
    record: Work | RightsRecording,
    living: Sequence[Share],
    claimed: Iterable[Share],
    left_alone: set[tuple[object, ...]],
) -> None:
    obsolete = {share_values(share): share for share in living}
    homes = _homes(record, living)
    made: dict[tuple[object, ...], Share] = {}
    for share in claimed:
        values = share_values(share)
        if values in obsolete:
            del obsolete[values]
            made[values] = share
        elif values not in left_alone and values not in made:
            home = homes.get((share.party_id, share.role))
            if home is not None:
                share.work = home
            changes.rows.shares.append(share)
            made[values] = share
            _note_at(changes, home or record, "share", share)
            changes.note_undo(home or record, "shares", [share.uid])
    if obsolete:
        gone = Share.objects.filter(pk__in=[share.pk for share in obsolete.values()])
        gone.update(withdrawn_at=datetime.now(tz=UTC))
        for share in obsolete.values():
            home = homes.get((share.party_id, share.role))
            _note_at(changes, home or record, "share_withdrawn", share)
            changes.note_undo(home or record, "withdrawn", [share.uid])


def _note_at(changes: Changes, record: Work | RightsRecording, name: str, share: Share) -> None:
    """Note a share of a record, which may be a work that was split off."""
    if case_of(record) not in changes.touched:
        changes.touched[case_of(record)] = record
        changes.unchanged += 1
    changes.note_change(record, name, str(share))


def _share(changes: Changes, claim: ShareClaim, rights: set[Right]) -> Share:
    party = changes.parties.get(claim.party)
    if party is None:
        raise ClaimRefused(
            "party",
            claim.party,
            _("'%(key)s' is missing from the message or was left out because of a fault.")
            % {"key": claim.party},
        )
    collector = None
    if claim.controlled_by:
        collector = changes.parties.get(claim.controlled_by)
        if collector is None:
            changes.add_missing(claim.line, "controlled_by", claim.controlled_by)
    if claim.right not in rights:
        raise ClaimRefused(
            "right", claim.right, _("Works have the rights PR, MR and SR; recordings have NR.")
        )
    if claim.kind not in ShareKind.values:
        raise ClaimRefused("kind", claim.kind, _("A share must be OWN (owned) or COL (collected)."))
    return Share(
        party=party,
        role=claim.role.strip()[:40],
        right=claim.right,
        kind=claim.kind,
        percent=checked_percent(claim.percent),
        included=checked_territories(claim.included) or [tis.WORLD],
        excluded=checked_territories(claim.excluded),
        valid_from=claim.valid_from,
        valid_until=checked_end(claim.valid_from, claim.valid_until),
        controlled_by=collector,
        agreement=claim.agreement.strip()[:60],
        claimant=changes.claimant,
        source=changes.source[:200],
        line=claim.line,
    )


def _homes(record: Work | RightsRecording, living: Iterable[Share]) -> dict[tuple[int, str], Work]:
    """Return the other works in which a person put all shares of a party and role."""
    here, away = set(), {}
    for share in living:
        key = (share.party_id, share.role)
        # By its id: reading the work of every share takes most of an import's time.
        if share.work_id in (None, record.pk):
            here.add(key)
        elif share.work is not None:
            away[key] = share.work
    return {key: work for key, work in away.items() if key not in here}
