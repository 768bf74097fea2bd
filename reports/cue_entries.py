"""What people enter on a file's cue sheet: music that no match names, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.roles import Action
from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus
from reports.models import CueEntry, EntryKind, SheetApproval, SheetState
from review.services.intervals import Interval
from scanning.models import ScannedFile

ENTERED: Final = "cue_sheet.entered"
REMOVED: Final = "cue_sheet.entry_removed"


class SheetRefused(Exception):
    """A change of a cue sheet that is not possible; ``code`` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDetails:
    """What a person knows about the music of an interval.

    ``note`` is for colleagues and stands on no sheet; None keeps the entry's own.
    """

    title: str = ""
    performers: Sequence[str] = field(default_factory=list)
    writers: Sequence[str] = field(default_factory=list)
    publishers: Sequence[str] = field(default_factory=list)
    isrc: str = ""
    use: str = ""
    origin: str = ""
    note: str | None = None


NO_DETAILS: Final = EntryDetails()


def enter(
    *,
    file: ScannedFile,
    user: User,
    start_ms: int,
    end_ms: int,
    kind: EntryKind,
    details: EntryDetails = NO_DETAILS,
    instead_of: CueEntry | None = None,
) -> CueEntry:
    """Enter what is heard in an interval; an entry for the same interval is replaced.

    ``instead_of`` is an entry that moves to this interval. A note leaves the rest of an
    entry for the same interval as it is.

    Raises ``SheetRefused``.
    """
    require_open(file, user)
    _check(file, (start_ms, end_ms), kind, details)
    values = asdict(details) if kind == EntryKind.MUSIC else asdict(NO_DETAILS)
    values["note"] = details.note
    isrc = check_isrc(values["isrc"])
    if isrc.status == CodeStatus.MALFORMED:
        raise SheetRefused(
            "bad_isrc",
            _("An ISRC has 12 letters and digits, such as GBAYE6800011."),
        )
    values["isrc"] = isrc.normalised
    with transaction.atomic():
        before = CueEntry.objects.filter(
            scanned_file=file, start_ms=start_ms, end_ms=end_ms
        ).first()
        if instead_of is not None and before is None:
            rows = CueEntry.objects.filter(pk=instead_of.pk)
            if rows.update(start_ms=start_ms, end_ms=end_ms):
                before = instead_of
        elif instead_of is not None and before != instead_of:
            remove(entry=instead_of, user=user)
        if values["note"] is None:
            values["note"] = before.note if before else ""
        if kind == EntryKind.NOTE and before is not None:
            kind, values = EntryKind(before.kind), {"note": values["note"]}
        entry, _created = CueEntry.objects.update_or_create(
            scanned_file=file,
            start_ms=start_ms,
            end_ms=end_ms,
            defaults={"kind": kind, "entered_by": user, **values},
        )
        # A repeated request changes nothing.
        if before is None or _facts(before) != _facts(entry):
            audit.services.record(
                case=f"file:{file.uid}",
                action=ENTERED,
                actor=user,
                before=_facts(before) if before else {},
                after=_facts(entry),
            )
    return entry


def _check(
    file: ScannedFile, interval: Interval, kind: EntryKind, details: EntryDetails
) -> None:
    if not file.contains(*interval):
        raise SheetRefused(
            "bad_interval",
            _("Enter an interval within the file: its start comes before its end."),
        )
    if kind == EntryKind.MUSIC and not details.title.strip():
        raise SheetRefused("title_missing", _("Enter the title of the music."))
    if kind == EntryKind.NOTE and not (details.note or "").strip():
        raise SheetRefused("note_missing", _("Write the note."))


def say_use(*, entry: CueEntry, user: User, change: Mapping[str, str]) -> CueEntry:
    """Set the use or the origin of music that somebody entered; the rest stays."""
    known = EntryDetails(
        **{name: getattr(entry, name) for name in EntryDetails.__dataclass_fields__}
    )
    return enter(
        file=entry.scanned_file,
        user=user,
        start_ms=entry.start_ms,
        end_ms=entry.end_ms,
        kind=EntryKind.MUSIC,
        details=replace(known, **change),
    )


def remove(*, entry: CueEntry, user: User) -> None:
    """Take an entry off the sheet again; what the scan found stands there as before."""
    require_open(entry.scanned_file, user)
    with transaction.atomic():
        audit.services.record(
            case=f"file:{entry.scanned_file.uid}",
            action=REMOVED,
            actor=user,
            before=_facts(entry),
        )
        entry.delete()


def require_open(file: ScannedFile, user: User) -> None:
    """Raise ``SheetRefused`` unless the user may change the file's sheet now.

    Nobody changes a sheet that waits for its answer or is approved.
    """
    if not user.has_perm(Action.DECIDE):
        raise SheetRefused(
            "not_allowed", _("Your role may view cue sheets but not change them.")
        )
    approval = SheetApproval.objects.filter(scanned_file=file).first()
    if approval is None or approval.is_open:
        return
    if approval.state == SheetState.APPROVED:
        raise SheetRefused(
            "approved",
            _("The cue sheet is approved. Begin a correction on its page first."),
        )
    raise SheetRefused(
        "submitted", _("The cue sheet is submitted. Take it back or return it first.")
    )


def _facts(entry: CueEntry) -> dict[str, Any]:  # Any: JSON
    names = ("start_ms", "end_ms", "kind", *EntryDetails.__dataclass_fields__)
    return {name: getattr(entry, name) for name in names if getattr(entry, name) != ""}
