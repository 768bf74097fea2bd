"""What people enter on a file's cue sheet: music that no match names, or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Action
from base.common.uid import new_uid
from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus
from reports.cue_questions import ask_again, questions_of, settled_in, spoken_entries, why_settled
from reports.models import CueEntry, EntryKind, SheetApproval, SheetState
from review.errors import NotPossible
from review.intervals import Interval
from review.models import Match
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import MusicUse
from review.programmes.selectors import use_of
from review.programmes.services import set_use
from review.programmes.values import Values, as_json
from review.services.questions import GaveWay
from review.timeline import Entered, Kind
from scanning.models import ScannedFile

ENTERED: Final = "cue_sheet.entered"
REMOVED: Final = "cue_sheet.entry_removed"


_KINDS: Final = {
    EntryKind.MUSIC: Kind.ENTERED,
    EntryKind.UNKNOWN: Kind.UNKNOWN,
    EntryKind.NO_MUSIC: Kind.NO_MUSIC,
}
"""The kinds of time that entries make; a note says nothing of what is heard."""


class SheetRefused(Exception):
    """A change of a cue sheet that is not possible; ``code`` is for programs.

    ``match`` is the one that is decided in the same seconds, if that is why.
    """

    def __init__(self, code: str, message: str, match: Match | None = None) -> None:
        self.code = code
        self.message = message
        self.match = match
        super().__init__(message)


Details: TypeAlias = Mapping[str, Any]
"""Values of ``CueEntry.DETAILS``; without a ``note``, the entry's own stays."""
NO_DETAILS: Final[Details] = MappingProxyType({})


def enter(
    *,
    file: ScannedFile,
    user: User,
    start_ms: int,
    end_ms: int,
    kind: EntryKind,
    details: Details = NO_DETAILS,
    instead_of: CueEntry | None = None,
) -> CueEntry:
    """Enter what is heard in an interval; an entry for the same interval is replaced.

    ``instead_of`` is an entry that moves to this interval. A note leaves the rest of an
    entry for the same interval as it is. A match that waits and says something else of
    the interval asks a person which of both it is.

    Raises ``SheetRefused``, also where a match is decided.
    """
    require_open(file, user)
    _check(file, (start_ms, end_ms), kind, details)
    empty = CueEntry()
    values: dict[str, Any] = {name: getattr(empty, name) for name in CueEntry.DETAILS}
    values |= details if kind == EntryKind.MUSIC else {}
    values["note"] = details.get("note")
    isrc = check_isrc(values["isrc"])
    if isrc.status == CodeStatus.MALFORMED:
        raise SheetRefused(
            "bad_isrc", _("An ISRC has 12 letters and digits, such as GBAYE6800011.")
        )
    values["isrc"] = isrc.normalised
    interval = (start_ms, end_ms)
    with transaction.atomic():
        # As decisions do, so that none is made meanwhile.
        ScannedFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
        before = CueEntry.objects.filter(
            scanned_file=file, start_ms=start_ms, end_ms=end_ms
        ).first()
        was_said = before or instead_of
        says_more = kind != EntryKind.NOTE and (
            was_said is None or was_said.kind == EntryKind.NOTE or was_said.interval != interval
        )
        if says_more and (settled := settled_in(file, interval)):
            seen = Match.objects.filter(pk=settled.pk).first()
            raise SheetRefused("settled", why_settled(seen), seen)
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
            base.audit.services.record(
                case=f"file:{file.uid}",
                action=ENTERED,
                actor=user,
                before=_facts(before) if before else {},
                after=_facts(entry),
            )
        if says_more:
            former = [was_said.interval] if was_said else []
            ask_again(file, [interval, *former], user)
    return entry


@transaction.atomic
def enter_plays(
    *,
    file: ScannedFile,
    user: User,
    plays: Sequence[Interval],
    kind: EntryKind,
    details: Details = NO_DETAILS,
    instead_of: CueEntry | None = None,
) -> CueEntry:
    """Enter the same in each of several intervals, or in none; return the first entry.

    Raises ``SheetRefused``.
    """
    entries = [
        enter(
            file=file,
            user=user,
            start_ms=start,
            end_ms=end,
            kind=kind,
            details=details,
            instead_of=instead_of if number == 0 else None,
        )
        for number, (start, end) in enumerate(plays)
    ]
    if len(entries) > 1:
        rows = CueEntry.objects.filter(pk__in=[entry.pk for entry in entries])
        rows.update(together=new_uid("ea"))
    return entries[0]


@transaction.atomic
def remove_plays(*, entry: CueEntry, user: User) -> None:
    """Take an entry off the sheet, and those that were entered together with it."""
    alike = CueEntry.objects.filter(scanned_file=entry.scanned_file)
    if entry.together:
        for sibling in alike.filter(together=entry.together).exclude(pk=entry.pk):
            remove(entry=sibling, user=user)
    remove(entry=entry, user=user)


def _check(file: ScannedFile, interval: Interval, kind: EntryKind, details: Details) -> None:
    if not file.contains(*interval):
        raise SheetRefused(
            "bad_interval", _("Enter an interval within the file: its start comes before its end.")
        )
    if kind == EntryKind.MUSIC and not details.get("title", "").strip():
        raise SheetRefused("title_missing", _("Enter the title of the music."))
    if kind == EntryKind.NOTE and not (details.get("note") or "").strip():
        raise SheetRefused("note_missing", _("Write the note."))


def say_use(*, entry: CueEntry, user: User, change: Mapping[str, str]) -> CueEntry:
    """Set the use or the origin of music that somebody entered; the rest stays."""
    details = {name: getattr(entry, name) for name in CueEntry.DETAILS}
    return enter(
        file=entry.scanned_file,
        user=user,
        start_ms=entry.start_ms,
        end_ms=entry.end_ms,
        kind=EntryKind.MUSIC,
        details=details | dict(change),
    )


def remove(*, entry: CueEntry, user: User) -> None:
    """Take an entry off the sheet again; what the scan found stands there as before."""
    require_open(entry.scanned_file, user)
    with transaction.atomic():
        _take_off(entry, user)
        ask_again(entry.scanned_file, [entry.interval], user)


def _take_off(entry: CueEntry, user: User) -> None:
    base.audit.services.record(
        case=f"file:{entry.scanned_file.uid}", action=REMOVED, actor=user, before=_facts(entry)
    )
    CueEntry.objects.filter(pk=entry.pk).delete()


class EntriesOfSheets:
    """Lets the entries of cue sheets contradict matches, and give way to them."""

    def intervals_in(self, files: Collection[int] | None) -> Iterable[tuple[int, Interval]]:
        """Return the intervals of the entries that say what is heard."""
        # Rules act on all matches, also on those that the person may not see.
        with working_for(None):
            rows = spoken_entries()
            if files is not None:
                rows = rows.filter(scanned_file__in=files)
            values = rows.values_list("scanned_file", "start_ms", "end_ms")
            return [(file, (start, end)) for file, start, end in values]

    def give_way(self, match: Match, user: User) -> GaveWay:
        """Remove the entries about which a match asks; their use becomes the match's."""
        entries = [question.entry for question in questions_of(match)]
        use = _use_of(match)
        before = as_json(use)
        for entry in entries:
            _take_off(entry, user)
            use.use, use.origin = use.use or entry.use, use.origin or entry.origin
        self._set_use(match, {"use": use.use, "origin": use.origin}, user)
        spans = [entry.interval for entry in entries]
        ask_again(match.scanned_file, spans, user, without=match)
        snapshot = {
            "entries": [_columns_of(entry) for entry in entries],
            "use": [before, as_json(use)],
        }
        return GaveWay(snapshot, "\n".join(entry.note for entry in entries if entry.note))

    def restore(self, match: Match, snapshot: Mapping[str, Any], user: User) -> None:
        """Enter again what gave way, as it was; a note of meanwhile stays with it."""
        before, after = snapshot["use"]
        if as_json(_use_of(match)) == after:
            self._set_use(match, dict.fromkeys(MusicUse.VALUES) | before, user)
        entries = [_restored(match, columns, user) for columns in snapshot["entries"]]
        spans = [entry.interval for entry in entries]
        ask_again(match.scanned_file, spans, user, without=match)

    def _set_use(self, match: Match, values: Values, user: User) -> None:
        try:
            set_use(
                scanned_file=match.scanned_file, recording=match.recording, values=values, user=user
            )
        except ProgrammeRefused as refused:
            raise NotPossible(str(refused)) from refused


def _columns_of(entry: CueEntry) -> dict[str, Any]:  # Any: JSON
    """Return the columns of an entry but for its file."""
    names = [field.attname for field in CueEntry._meta.concrete_fields]
    columns = {name: getattr(entry, name) for name in names}
    del columns["scanned_file_id"]
    # Django's encoder would cut the microseconds.
    return columns | {"entered_at": entry.entered_at.isoformat()}


def _restored(match: Match, snapshot: Mapping[str, Any], user: User) -> CueEntry:
    """Write an entry that gave way to a match; a note may have come in its place."""
    file = match.scanned_file
    rows = CueEntry.objects.filter(scanned_file=file)
    noted = rows.filter(start_ms=snapshot["start_ms"], end_ms=snapshot["end_ms"]).first()
    columns = {**snapshot, "entered_at": datetime.fromisoformat(snapshot["entered_at"])}
    if noted is not None:
        columns["note"] = noted.note
        noted.delete()
    if not User.objects.filter(pk=snapshot["entered_by_id"] or 0).exists():
        columns["entered_by_id"] = None
    entry = CueEntry(scanned_file=file, **columns)
    entry.save(force_insert=True)
    # Saving sets the time.
    rows.filter(pk=entry.pk).update(entered_at=columns["entered_at"])
    base.audit.services.record(
        case=f"file:{file.uid}", action=ENTERED, actor=user, after=_facts(entry)
    )
    return entry


def _use_of(match: Match) -> MusicUse:
    return use_of(match.scanned_file, match.recording) or MusicUse()


def require_open(file: ScannedFile, user: User) -> None:
    """Raise ``SheetRefused`` unless the user may change the file's sheet now.

    Nobody changes a sheet that waits for its answer or is approved.
    """
    if not user.has_perm(Action.DECIDE):
        raise SheetRefused("not_allowed", _("Your role may view cue sheets but not change them."))
    approval = SheetApproval.objects.filter(scanned_file=file).first()
    if approval is None or approval.is_open:
        return
    if approval.state == SheetState.APPROVED:
        raise SheetRefused(
            "approved", _("The cue sheet is approved. Begin a correction on its page first.")
        )
    raise SheetRefused(
        "submitted", _("The cue sheet is submitted. Take it back or return it first.")
    )


def entered_in(files: Collection[int]) -> Mapping[int, list[Entered]]:
    """Return what people entered in files, by file; one query."""
    entered: dict[int, list[Entered]] = defaultdict(list)
    rows = CueEntry.objects.filter(scanned_file__in=files, kind__in=_KINDS)
    for entry in rows.order_by("start_ms", "pk"):
        entered[entry.scanned_file_id].append(
            Entered(entry.start_ms, entry.end_ms, entry.uid, _KINDS[EntryKind(entry.kind)])
        )
    return entered


def _facts(entry: CueEntry) -> dict[str, Any]:  # Any: JSON
    names = ("start_ms", "end_ms", "kind", *CueEntry.DETAILS)
    return {name: getattr(entry, name) for name in names if getattr(entry, name) != ""}
