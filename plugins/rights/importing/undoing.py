"""Takes back what an import of rights did.

Records that the import made are deleted while nobody else says something of them; in
records that were here, values that it filled become empty, and its shares give way to
those that they replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.reach import refuse_limited
from base.accounts.roles import Action
from base.audit.models import Event
from base.jobs.services import submit
from catalogue.owners.models import (
    OtherTitle,
    Party,
    Release,
    RightsRecording,
    Share,
    Statement,
    Track,
    Work,
    WorkNumber,
)
from catalogue.owners.records import KINDS, column_of
from imports.models import ImportStep, StepState
from imports.undoing.steps import Stays, Undo, changed_again, differing, missing
from plugins.rights.applying.values import plain
from plugins.rights.jobs import REVIEW_RIGHTS

_UNDONE = "rights.import_undone"
_MODELS: Mapping[str, type[Any]] = {kind: model for model, kind in KINDS.items()}


def _record(undo: Undo, event: Event) -> Any:  # Any: a record
    refuse_limited(undo.user)
    if not undo.user.has_perm(Action.EDIT_CATALOGUE):
        raise Stays(_("Your role can view rights but not change them. Ask a manager."))
    kind, _colon, uid = event.case.partition(":")
    return _MODELS[kind].objects.select_for_update().filter(uid=uid).first()


def remove_record(undo: Undo, event: Event) -> str:
    """Delete a record that the import made, unless others say something of it."""
    row = _record(undo, event)
    if row is None:
        return ""
    if why := _why_it_stays(undo, event, row):
        # Its own claims go all the same.
        _take_claims(undo, row, event)
        _tell(undo, event)
        return why
    # With its shares, titles, statements and links. Those of a party are still there
    # while nothing is written.
    if not (undo.dry and isinstance(row, Party)):
        row.delete()
    undo.gone.add(event.case)
    _tell(undo, event)
    return ""


def _tell(undo: Undo, event: Event) -> None:
    base.audit.services.record(
        case=event.case, action=_UNDONE, actor=undo.user, after={"import": undo.import_uid}
    )


def _why_it_stays(undo: Undo, event: Event, row: Any) -> str:  # Any: a record
    later = Event.objects.filter(case=event.case, sequence__gt=event.sequence)
    later = later.exclude(action=_UNDONE)
    own = ImportStep.objects.filter(import_uid=undo.import_uid).values("event")
    if later.exclude(pk__in=own).exists():
        return _("It changed since.")
    if isinstance(row, Party):
        shares = Share.objects.filter(Q(party=row) | Q(controlled_by=row))
        held = [
            share
            for share in shares.select_related("work", "recording")
            if share.uid not in undo.gone_shares and _case_of_share(share) not in undo.gone
        ]
        return _("It has shares that stay.") if held else ""
    source = event.after["source"]
    foreign = Share.objects.filter(**_of(row)).exclude(source=source)
    if isinstance(row, RightsRecording):
        near: list[Any] = [*row.works.all(), *row.releases.all()]
        cases = [f"{KINDS[type(neighbour)]}:{neighbour.uid}" for neighbour in near]
        if any(case not in undo.gone and (case, row.uid) not in undo.gone_links for case in cases):
            return _("A work or release that stays contains it.")
    elif isinstance(row, Work) and row.aliases.exists():
        return _("Other works were merged into it.")
    return _("Others claim shares of it.") if foreign.exists() else ""


def _of(row: Any) -> dict[str, Any]:  # Any: a record
    """Return the condition of shares of a record; a release has none."""
    return {"pk": None} if isinstance(row, Release) else {column_of(row): row}


def _case_of_share(share: Share) -> str:
    subject = share.work or share.recording
    return "" if subject is None else f"{KINDS[type(subject)]}:{subject.uid}"


def restore_record(undo: Undo, event: Event) -> str:
    """Empty what the import filled in a record, and put its shares back."""
    row = _record(undo, event)
    if row is None:
        raise missing()
    filled = event.after.get("undo", {}).get("filled", {})
    now = {name: plain(getattr(row, name)) for name in filled}
    after = {name: event.after[name][0] for name in filled}
    same, changed = differing(now, filled, after)
    for name, value in same.items():
        setattr(row, name, row._meta.get_field(name).to_python(value))
    if same:
        if hasattr(row, "revision"):
            row.revision += 1
        row.save()
    why = changed_again(changed)
    if not isinstance(row, Party):
        why = " ".join(filter(None, [why, _take_claims(undo, row, event)]))
    _tell(undo, event)
    return why


def _take_claims(undo: Undo, row: Any, event: Event) -> str:  # Any: a record
    """Take back shares, numbers, titles, links and statements; return what stays."""
    if isinstance(row, Party):
        return ""
    needed, claimant = event.after.get("undo", {}), event.after["claimant"]
    if isinstance(row, Work):
        for number in _added_values(event, "number"):
            rows = WorkNumber.objects.filter(claimant=claimant, number=number)
            rows.filter(work=row).delete()
        for text in _added_values(event, "title"):
            OtherTitle.objects.filter(work=row, claimant=claimant, text=text).delete()
        for uids in _added_values(event, "recordings"):
            row.recordings.remove(*RightsRecording.objects.filter(uid__in=uids))
            undo.gone_links.update((event.case, uid) for uid in uids)
    elif isinstance(row, Release):
        tracks = _added_values(event, "track")
        Track.objects.filter(release=row, recording__uid__in=tracks).delete()
        undo.gone_links.update((event.case, uid) for uid in tracks)
    _take_statements(row, needed.get("statements", []), claimant)
    return _take_shares(undo, event, needed)


def _added_values(event: Event, name: str) -> list[Any]:  # Any: JSON
    """Return what the import added; a new record has its own title as a text."""
    values = event.after.get(name, [])
    return values if isinstance(values, list) else []


def forget_statements(undo: Undo) -> None:
    """Delete what the import's source says beside shares, unless it may say it again."""
    rows = Statement.objects.filter(source__startswith=f"import {undo.import_uid}")
    last = ImportStep.objects.filter(import_uid=undo.import_uid).order_by("-event")
    after = last.values_list("event", flat=True).first() or 0
    for claimant in set(rows.values_list("claimant", flat=True)):
        later = Event.objects.filter(
            pk__gt=after,
            action__in=["rights.imported", "rights.import_changed"],
            after__claimant=claimant,
        )
        if not later.exists():
            rows.filter(claimant=claimant).delete()
    submit(REVIEW_RIGHTS, None)


def _take_statements(
    row: Any, stated: list[dict[str, Any]], claimant: str
) -> None:  # Any: a record, and JSON
    for statement in reversed(stated):
        rows = Statement.objects.filter(
            **{column_of(row): row},
            claimant=claimant,
            field=statement["field"],
            number=statement["number"],
            value=statement["value"],
        )
        if statement["before"] is None:
            rows.delete()
        else:
            rows.update(**statement["before"])


def _take_shares(undo: Undo, event: Event, needed: Mapping[str, Any]) -> str:  # Any: JSON
    made, replaced = needed.get("shares", []), needed.get("withdrawn", [])
    if not made and not replaced:
        return ""
    later = Event.objects.filter(
        case=event.case,
        sequence__gt=event.sequence,
        action="rights.import_changed",
        after__claimant=event.after["claimant"],
    ).exclude(import_step__state=StepState.UNDONE)
    if later.exclude(import_step__import_uid=undo.import_uid).exists():
        return _("A later message of %(source)s replaced the shares.") % {
            "source": event.after["claimant"]
        }
    # Shares that somebody took out since stay, so that no import brings them back.
    living = Share.objects.filter(uid__in=made, withdrawn_at__isnull=True)
    undo.gone_shares.update(living.values_list("uid", flat=True))
    living.delete()
    Share.objects.filter(uid__in=replaced, withdrawn_by__isnull=True).update(withdrawn_at=None)
    return ""
