"""What people enter on a file's cue sheet: music that no match names, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.roles import Action
from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus
from reports.models import CueEntry, EntryKind
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
    """What a person knows about the music of an interval."""

    title: str = ""
    performers: Sequence[str] = field(default_factory=list)
    writers: Sequence[str] = field(default_factory=list)
    publishers: Sequence[str] = field(default_factory=list)
    isrc: str = ""
    use: str = ""
    origin: str = ""


NO_DETAILS: Final = EntryDetails()


def enter(
    *,
    file: ScannedFile,
    user: User,
    start_ms: int,
    end_ms: int,
    kind: EntryKind,
    details: EntryDetails = NO_DETAILS,
) -> CueEntry:
    """Enter what is heard in an interval; an entry for the same interval is replaced.

    Raises ``SheetRefused``.
    """
    _require(user)
    if not 0 <= start_ms < end_ms <= (file.whole_ms or end_ms):
        raise SheetRefused(
            "bad_interval",
            _("Enter an interval within the file: its start comes before its end."),
        )
    if kind == EntryKind.MUSIC and not details.title.strip():
        raise SheetRefused("title_missing", _("Enter the title of the music."))
    values = asdict(details) if kind == EntryKind.MUSIC else asdict(NO_DETAILS)
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


def remove(*, entry: CueEntry, user: User) -> None:
    """Take an entry off the sheet again; what the scan found stands there as before."""
    _require(user)
    with transaction.atomic():
        audit.services.record(
            case=f"file:{entry.scanned_file.uid}",
            action=REMOVED,
            actor=user,
            before=_facts(entry),
        )
        entry.delete()


def _require(user: User) -> None:
    if not user.has_perm(Action.DECIDE):
        raise SheetRefused(
            "not_allowed", _("Your role may view cue sheets but not change them.")
        )


def _facts(entry: CueEntry) -> dict[str, Any]:  # Any: JSON
    names = ("start_ms", "end_ms", "kind", *EntryDetails.__dataclass_fields__)
    return {name: getattr(entry, name) for name in names if getattr(entry, name) != ""}
