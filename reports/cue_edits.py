"""How people arrange the cues of a sheet, and the use that they say of several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import sees_every_bucket
from catalogue.models import Recording
from reports.cue_arrangement import CuePlace, arranged, can_merge
from reports.cue_entries import SheetRefused, require_open, say_use
from reports.cue_sheets import cue_sheet
from reports.cues import Cue
from reports.models import EditKind, SheetEdit
from review.decisions.decide import Refusal
from review.programmes.services import set_uses
from review.services.following import Move
from scanning.models import ScannedFile

ARRANGED = "cue_sheet.arranged"
TAKEN_BACK = "cue_sheet.arrangement_taken_back"


def edits_of(file: ScannedFile) -> QuerySet[SheetEdit]:
    """Return the edits of a file's sheet in their order."""
    return SheetEdit.objects.filter(scanned_file=file).select_related("made_by")


def move(*, file: ScannedFile, user: User, place: CuePlace, by: int) -> Cue:
    """Move a cue one place up (-1) or down (1); return where it is now.

    This and the other edits raise ``SheetRefused`` and ``NotScanned``.
    """
    cues, at = _find(file, user, place)
    if not 0 <= at + by < len(cues):
        raise SheetRefused("at_the_end", _("The cue cannot move further."))
    before = at + by if by > 0 else at + by - 1
    edit = _edit(file, EditKind.MOVE, cues[at])
    if before >= 0:
        _add_other(edit, cues[before])
    return _keep(edit, cues, user)[at + by]


def merge(*, file: ScannedFile, user: User, places: Sequence[CuePlace]) -> Cue:
    """Make one cue of two neighbours; return it."""
    if len(places) != 2:
        raise SheetRefused("not_two", _("Tick two cues that follow each other."))
    cues, at = _find(file, user, places[0])
    first, second = sorted((at, _index(cues, places[1])))
    if second != first + 1:
        raise SheetRefused("not_two", _("Tick two cues that follow each other."))
    if not can_merge(cues[first], cues[second]):
        raise SheetRefused(
            "differ",
            _(
                "These cues are not the same music. Reject the match or remove the "
                "entry that is wrong."
            ),
        )
    edit = _edit(file, EditKind.MERGE, cues[first])
    _add_other(edit, cues[second])
    return _keep(edit, cues, user)[first]


def split(*, file: ScannedFile, user: User, place: CuePlace, at_ms: int) -> Cue:
    """Make two cues of one, of which the second begins at a time; return the first."""
    cues, at = _find(file, user, place)
    edit = _edit(file, EditKind.SPLIT, cues[at])
    edit.at_ms = at_ms
    return _keep(edit, cues, user)[at]


def take_back(*, edit: SheetEdit, user: User) -> None:
    """Undo an edit; the later ones are applied to what is left."""
    _require(edit.scanned_file, user)
    with transaction.atomic():
        base.audit.services.record(
            case=f"file:{edit.scanned_file.uid}", action=TAKEN_BACK, actor=user, before=_facts(edit)
        )
        edit.delete()


def say_uses(
    *,
    file: ScannedFile,
    user: User,
    places: Sequence[CuePlace],
    change: Mapping[str, str | bool | None],
) -> tuple[int, list[Refusal]]:
    """Set use or origin of several cues; return how many, and the refused matches."""
    require_open(file, user)
    cues = cue_sheet(file=file).cues
    chosen = [cues[_index(cues, place)] for place in places]
    matches = {cue.match.uid for cue in chosen if cue.match is not None}
    entries = {cue.entry.pk: cue.entry for cue in chosen if cue.entry and cue.title}
    if not matches and not entries:
        raise SheetRefused("no_music", _("Nobody has named this music yet."))
    outcome = set_uses(uids=matches, change=change, user=user)
    # Entries do not say whose recording it is.
    details = {name: str(change[name]) for name in ("use", "origin") if name in change}
    if not details:
        return len(outcome.done), outcome.refused
    for entry in entries.values():
        say_use(entry=entry, user=user, change=details)
    return len(outcome.done) + len(entries), outcome.refused


def _require(file: ScannedFile, user: User) -> None:
    require_open(file, user)
    if not sees_every_bucket():
        raise SheetRefused(
            "limited", _("Only people who see every bucket arrange the cues of a sheet.")
        )


def _find(file: ScannedFile, user: User, place: CuePlace) -> tuple[list[Cue], int]:
    """Return the cues, and which of them the user saw at a place."""
    _require(file, user)
    cues = list(cue_sheet(file=file).cues)
    return cues, _index(cues, place)


def _index(cues: Sequence[Cue], place: CuePlace) -> int:
    for number, cue in enumerate(cues):
        if CuePlace.of(cue) == place:
            return number
    raise SheetRefused("stale", _("The sheet has changed; nothing was saved."))


def _edit(file: ScannedFile, kind: EditKind, cue: Cue) -> SheetEdit:
    return SheetEdit(
        scanned_file=file,
        kind=kind,
        subject=cue.subject,
        title=cue.title,
        start_ms=cue.start_ms,
        end_ms=cue.end_ms,
    )


def _add_other(edit: SheetEdit, cue: Cue) -> None:
    edit.other_subject, edit.other_title = cue.subject, cue.title
    edit.other_start_ms, edit.other_end_ms = cue.start_ms, cue.end_ms


def _keep(edit: SheetEdit, cues: Sequence[Cue], user: User) -> list[Cue]:
    """Save an edit that changes something, with its event; return the new cues."""
    now, idle = arranged(cues, [edit])
    if idle:
        raise SheetRefused("no_change", _("Enter a time within the cue, at which music sounds."))
    edit.made_by = user
    with transaction.atomic():
        edit.save()
        base.audit.services.record(
            case=f"file:{edit.scanned_file.uid}", action=ARRANGED, actor=user, after=_facts(edit)
        )
    return now


def _facts(edit: SheetEdit) -> dict[str, Any]:  # Any: JSON
    # No titles: people read the event who may not see every recording.
    names = (
        *("kind", "subject", "start_ms", "end_ms"),
        *("other_subject", "other_start_ms", "other_end_ms", "at_ms"),
    )
    facts = {name: getattr(edit, name) for name in names}
    return {name: value for name, value in facts.items() if value not in {"", None}}


class EditsOfSheets:
    """Lets edits of cue sheets follow their match to another recording."""

    def follow(self, moves: Sequence[Move]) -> dict[int, list[int]]:
        """Name the new recordings in edits that name the former ones."""
        files = {move.scanned_file: move for move in moves}
        uids = _uids_of(moves)
        renamed: dict[int, list[SheetEdit]] = defaultdict(list)
        for edit in SheetEdit._base_manager.filter(scanned_file__in=files):
            move = files[edit.scanned_file_id]
            if _rename(edit, uids[move.before], uids[move.now]):
                renamed[edit.scanned_file_id].append(edit)
        _save_subjects([edit for edits in renamed.values() for edit in edits])
        return {file: [edit.pk for edit in edits] for file, edits in renamed.items()}

    def return_to(self, move: Move, keys: Sequence[int]) -> None:
        """Name the former recording again in these edits."""
        uids = _uids_of([move])
        edits = SheetEdit._base_manager.filter(pk__in=keys)
        _save_subjects([edit for edit in edits if _rename(edit, uids[move.now], uids[move.before])])


def _uids_of(moves: Sequence[Move]) -> dict[int, str]:
    keys = {key for move in moves for key in (move.before, move.now)}
    return dict(Recording._base_manager.filter(pk__in=keys).values_list("pk", "uid"))


def _rename(edit: SheetEdit, before: str, now: str) -> bool:
    """Replace a recording that an edit names; return whether it names it."""
    names = edit.subject, edit.other_subject
    edit.subject, edit.other_subject = (now if uid == before else uid for uid in names)
    return before in names


def _save_subjects(edits: Sequence[SheetEdit]) -> None:
    SheetEdit._base_manager.bulk_update(edits, ["subject", "other_subject"], batch_size=500)
