"""Merges works and parties, and splits works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from catalogue.owners.models import (
    OtherTitle,
    Party,
    RightsRecording,
    Share,
    Statement,
    Work,
    WorkNumber,
)
from plugins.rights.actions.base import (
    Case,
    Editable,
    RightsVerb,
    locked,
    record_event,
    save_revision,
)
from plugins.rights.conflicts import records_of_party
from plugins.rights.errors import RightsRefused
from plugins.rights.matching import share_values
from plugins.rights.services import follow


@transaction.atomic
def merge_works(*, work: Work, into: Work, user: User) -> None:
    """Make a work part of another one, which takes over what belongs to it."""
    row, target = _two(work, into, user)
    moved: dict[str, Any] = {  # Any: keys
        "shares": _move_shares(row, target),
        "titles": _move(OtherTitle, "work", row, target),
        "numbers": _move(WorkNumber, "work", row, target),
        "statements": _move(Statement, "work", row, target),
    }
    had = set(target.recordings.values_list("pk", flat=True))
    own = set(row.recordings.values_list("pk", flat=True))
    moved["recordings"] = sorted(own - had)
    moved["both"] = sorted(own & had)
    target.recordings.add(*own)
    row.recordings.clear()
    kept_off = set(row.kept_off.values_list("pk", flat=True)) - had
    kept_off -= set(target.kept_off.values_list("pk", flat=True))
    moved["kept_off"] = sorted(kept_off)
    target.kept_off.add(*kept_off)
    moved["iswc"] = "" if target.iswc else row.iswc
    if moved["iswc"]:
        target.iswc = row.iswc
    row.merged_into = target
    save_revision(row)
    save_revision(target)
    record_event(row, RightsVerb.MERGE, user, into=target.uid, text=target.title, moved=moved)
    record_event(target, "rights.took_over", user, work=row.uid, text=row.title)
    follow([row, target], user=user)


@transaction.atomic
def merge_parties(*, party: Party, into: Party, user: User) -> None:
    """Make a party part of another one, which takes over its shares."""
    row, target = _two(party, into, user)
    touched = records_of_party(row.pk)
    moved = {
        "shares": _move(Share, "party", row, target),
        "controlled": _move(Share, "controlled_by", row, target),
    }
    row.merged_into = target
    save_revision(row)
    save_revision(target)
    record_event(row, RightsVerb.MERGE, user, into=target.uid, text=str(target), moved=moved)
    record_event(target, "rights.took_over", user, party=row.uid, text=str(row))
    follow(touched, user=user)


@transaction.atomic
def split_work(
    *,
    work: Work,
    user: User,
    title: str,
    shares: Iterable[Share],
    recordings: Iterable[RightsRecording],
) -> Work:
    """Make another work of some shares and recordings of a work.

    They stay there, whatever an import says of the work that they left.
    """
    row = locked(work, user)
    keys = {share.pk for share in shares}
    taken = list(Share.objects.filter(pk__in=keys, work=row))
    sounds = list(row.recordings.filter(pk__in=[recording.pk for recording in recordings]))
    if not taken and not sounds:
        raise RightsRefused(_("Choose at least one share or recording to move."))
    if not title.strip():
        raise RightsRefused(_("Give the new work a title."))
    second = Work.objects.create(title=title.strip()[:500])
    Share.objects.filter(pk__in=[share.pk for share in taken]).update(work=second)
    row.recordings.remove(*sounds)
    row.kept_off.add(*sounds)
    second.recordings.add(*sounds)
    save_revision(row)
    record_event(row, RightsVerb.SPLIT, user, second=second.uid, text=second.title)
    record_event(second, "rights.split_off", user, work=row.uid, text=row.title)
    follow([row, second], user=user)
    return second


def _two(record: Editable, target: Editable, user: User) -> tuple[Editable, Editable]:
    if record.pk == target.pk:
        raise RightsRefused(_("Choose a different one to merge it into."))
    first, second = sorted([record, target], key=lambda editable: editable.pk)
    rows = {row.pk: row for row in (locked(first, user), locked(second, user))}
    return rows[record.pk], rows[target.pk]


def _move_shares(work: Work, target: Work) -> list[int]:
    """Give a work's shares to another one, but those that the source claims there too."""

    def claim(share: Share) -> tuple[object, ...]:
        return share.claimant, share_values(share)

    there = {claim(share) for share in target.shares.filter(withdrawn_at__isnull=True)}
    rows = [
        share.pk
        for share in work.shares.all()
        if share.withdrawn_at is not None or claim(share) not in there
    ]
    Share.objects.filter(pk__in=rows).update(work=target)
    return rows


def _move(
    model: type[Share | OtherTitle | WorkNumber | Statement],
    column: str,
    source: Case,
    target: Case,
) -> list[int]:
    """Give rows to another record; return their keys."""
    rows = model._default_manager.filter(**{column: source})
    keys = list(rows.values_list("pk", flat=True))
    rows.update(**{column: target})
    return keys
