"""What people do with works, parties, releases, shares and conflicts.

Each action is one event of the record's case. The last one can be undone until somebody
acts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.reach import sees_every_bucket, working_for
from accounts.roles import Action
from audit.models import Event
from catalogue.identifiers import (
    BadIdentifier,
    check_dpid,
    check_grid,
    check_ipi_base,
    check_ipi_name,
    check_ipn,
    check_isni,
    check_iswc,
    check_label_code,
    check_society,
    check_upc,
)
from catalogue.models import Recording
from rights.choices import ConflictKind, ConflictState, Right, ShareKind, TitleKind
from rights.conflicts import records_of_party
from rights.errors import RightsChanged, RightsRefused
from rights.filling import fill_recordings
from rights.models import (
    Conflict,
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
from rights.records import (
    case_of,
    catalogue_recordings,
    column_of,
    rights_records,
    share_values,
)
from rights.selectors import sources_of, values_of
from rights.services import follow

Editable = TypeVar("Editable", Work, Party, Release)
Case = Work | Party | Release | RightsRecording

BULK_LIMIT: Final = 100
_NOTE_LENGTH: Final = 500


class RightsVerb(StrEnum):
    """An action on a record of rights; the value is the name of its event."""

    CREATE = "rights.created"
    EDIT = "rights.edited"
    ADD_SHARE = "rights.share_added"
    REMOVE_SHARE = "rights.share_removed"
    ADD_TITLE = "rights.title_added"
    LINK = "rights.recording_added"
    UNLINK = "rights.recording_removed"
    MERGE = "rights.merged"
    SPLIT = "rights.split"
    SETTLE = "conflict.settled"
    UNDO = "rights.undone"


_CHECKS: Final[Mapping[type[Case], Mapping[str, Callable[[str], str]]]] = {
    Work: {"iswc": check_iswc},
    Party: {
        "ipi_name": check_ipi_name,
        "ipi_base": check_ipi_base,
        "isni": check_isni,
        "ipn": check_ipn,
        "dpid": check_dpid,
        "society": check_society,
    },
    Release: {"upc": check_upc, "grid": check_grid, "label_code": check_label_code},
}
_FIELD_OF: Final = {
    ConflictKind.TITLE: "title",
    ConflictKind.DURATION: "duration_ms",
    ConflictKind.ISWC: "iswc",
    ConflictKind.UPC: "upc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDetails:
    """A share as a person enters it; territories are codes of ``tis``, checked."""

    party: Party
    role: str
    right: Right
    kind: ShareKind
    percent: Decimal | None
    included: Sequence[str] = ()
    excluded: Sequence[str] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    controlled_by: Party | None = None
    agreement: str = ""


def why_not(*, record: Case | Conflict, user: User) -> str:
    """Return why a person cannot change a record, as a sentence; empty if they can."""
    if not user.has_perm(Action.EDIT_CATALOGUE):
        return _("Your role can view rights but not change them. Ask a manager.")
    if sees_every_bucket():
        return ""
    subject = record.subject if isinstance(record, Conflict) else record
    if isinstance(subject, Party) or _hides_some(subject):
        return _(
            "This concerns recordings in buckets that you cannot see. Ask somebody "
            "who can see them all."
        )
    return ""


def _hides_some(record: Work | Release | RightsRecording) -> bool:
    """Return whether access limits hide some of a record's catalogue recordings."""
    sounds = (
        [record]
        if isinstance(record, RightsRecording)
        else list(record.recordings.all())
    )
    seen = [catalogue_recordings(sound).count() for sound in sounds]
    with working_for(None):
        return seen != [catalogue_recordings(sound).count() for sound in sounds]


@transaction.atomic
def create(*, record: Editable, user: User) -> Editable:
    """Store a new work, party or release. Raises ``RightsRefused``."""
    if not user.has_perm(Action.EDIT_CATALOGUE):
        raise RightsRefused(why_not(record=record, user=user))
    _check_codes(record)
    record.save()
    audit.services.record(
        case=case_of(record),
        action=RightsVerb.CREATE,
        actor=user,
        after={"name": str(record)},
    )
    _follow(record, user)
    return record


@transaction.atomic
def edit(
    *,
    record: Editable,
    user: User,
    revision: int,
    values: Mapping[str, Any],  # Any: a column's value
) -> None:
    """Write new values to columns of a work, party or release; hand-made values stay.

    Raises ``RightsRefused`` and ``RightsChanged``.
    """
    row = _locked(record, user, revision)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    _check_codes(row)
    changed = [name for name in values if getattr(row, name) != before[name]]
    if not changed:
        return
    row.revision += 1
    row.save()
    audit.services.record(
        case=case_of(row),
        action=RightsVerb.EDIT,
        actor=user,
        before={name: _plain(before[name]) for name in changed},
        after={name: _plain(getattr(row, name)) for name in changed},
    )
    _follow(row, user)


def _check_codes(record: Case) -> None:
    """Normalise the codes of a record; raise ``RightsRefused`` for one that is wrong."""
    for name, check in _CHECKS[type(record)].items():
        try:
            setattr(record, name, check(getattr(record, name)))
        except BadIdentifier as error:
            raise RightsRefused(str(error)[:1].upper() + str(error)[1:] + ".") from None


# --- Shares, titles, recordings ------------------------------------------------------


@transaction.atomic
def add_share(
    *, record: Work | RightsRecording, user: User, details: ShareDetails
) -> Share:
    """Add a share by hand; it replaces what others claim for the same party."""
    row = _locked(record, user)
    if (details.right == Right.MASTER) != isinstance(row, RightsRecording):
        raise RightsRefused(
            _("Recordings have only the master right; works have the others.")
        )
    share = Share(
        party=details.party,
        role=details.role,
        right=details.right,
        kind=details.kind,
        percent=details.percent,
        included=list(details.included),
        excluded=list(details.excluded),
        valid_from=details.valid_from,
        valid_until=details.valid_until,
        controlled_by=details.controlled_by,
        agreement=details.agreement,
        created_by=user,
    )
    setattr(share, column_of(row), row)
    try:
        with transaction.atomic():
            share.save()
    except IntegrityError:
        raise RightsRefused(
            _("A share must be from 0 to 100 percent and end after it begins.")
        ) from None
    _record(row, RightsVerb.ADD_SHARE, user, share=share.uid, text=str(share))
    _follow(row, user)
    return share


@transaction.atomic
def remove_share(*, share: Share, user: User) -> None:
    """Take a share out; an import that repeats it does not bring it back."""
    subject = share.work or share.recording
    if subject is None:
        raise RightsRefused(_("This share no longer exists."))
    row = _locked(subject, user)
    taken = Share.objects.filter(pk=share.pk, withdrawn_at__isnull=True)
    if not taken.update(withdrawn_at=datetime.now(tz=UTC), withdrawn_by=user):
        raise RightsChanged(_("This share was already removed."))
    _record(row, RightsVerb.REMOVE_SHARE, user, share=share.uid, text=str(share))
    _follow(row, user)


@transaction.atomic
def add_title(
    *, work: Work, user: User, text: str, kind: TitleKind, language: str = ""
) -> OtherTitle:
    """Add a further title to a work."""
    row = _locked(work, user)
    title = OtherTitle.objects.create(
        work=row, text=text.strip(), kind=kind, language=language
    )
    _record(row, RightsVerb.ADD_TITLE, user, title=title.pk, text=title.text)
    return title


@transaction.atomic
def link_recording(
    *, record: Work | Release, recording: Recording, user: User
) -> RightsRecording:
    """Say that a catalogue recording embodies a work, or stands on a release."""
    row = _locked(record, user)
    sound = record_of(recording)
    if row.recordings.filter(pk=sound.pk).exists():
        raise RightsRefused(_("This recording is already there."))
    _attach(row, sound)
    _record(row, RightsVerb.LINK, user, recording=sound.uid, text=str(recording))
    _follow(row, user)
    return sound


@transaction.atomic
def unlink_recording(
    *, record: Work | Release, sound: RightsRecording, user: User
) -> None:
    """Say that a recording does not embody a work, or is not on a release.

    An import that says otherwise does not bring it back.
    """
    row = _locked(record, user)
    if not row.recordings.filter(pk=sound.pk).exists():
        raise RightsChanged(_("This recording was already removed."))
    row.recordings.remove(sound)
    row.kept_off.add(sound)
    _record(row, RightsVerb.UNLINK, user, recording=sound.uid, text=str(sound))
    _follow(row, user, sound)


def record_of(recording: Recording) -> RightsRecording:
    """Return the record of rights of a catalogue recording; made if there is none."""
    found = rights_records(recording).order_by("pk").first()
    if found is not None:
        return found
    if recording.isrc_normalised:
        return RightsRecording.objects.create(
            isrc=recording.isrc_normalised,
            title=recording.title,
            version_title=recording.version_title,
            artists=recording.artists,
        )
    return RightsRecording.objects.create(
        recording=recording, title=recording.title, artists=recording.artists
    )


def _attach(row: Work | Release, sound: RightsRecording) -> None:
    if isinstance(row, Work):
        row.recordings.add(sound)
    else:
        last = row.tracks.order_by("-position").first()
        position = 1 + (last.position if last is not None else 0)
        Track.objects.get_or_create(
            release=row, recording=sound, defaults={"position": position}
        )


# --- Merge and split -----------------------------------------------------------------


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
    _save(row)
    _save(target)
    _record(row, RightsVerb.MERGE, user, into=target.uid, moved=moved)
    audit.services.record(
        case=case_of(target),
        action="rights.took_over",
        actor=user,
        after={"work": row.uid, "title": row.title},
    )
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
    _save(row)
    _save(target)
    _record(row, RightsVerb.MERGE, user, into=target.uid, moved=moved)
    audit.services.record(
        case=case_of(target),
        action="rights.took_over",
        actor=user,
        after={"party": row.uid, "name": str(row)},
    )
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
    row = _locked(work, user)
    keys = {share.pk for share in shares}
    taken = list(Share.objects.filter(pk__in=keys, work=row))
    sounds = list(
        row.recordings.filter(pk__in=[recording.pk for recording in recordings])
    )
    if not taken and not sounds:
        raise RightsRefused(_("Choose at least one share or recording to move."))
    if not title.strip():
        raise RightsRefused(_("Give the new work a title."))
    second = Work.objects.create(title=title.strip()[:500])
    Share.objects.filter(pk__in=[share.pk for share in taken]).update(work=second)
    row.recordings.remove(*sounds)
    row.kept_off.add(*sounds)
    second.recordings.add(*sounds)
    _save(row)
    _record(row, RightsVerb.SPLIT, user, second=second.uid, text=second.title)
    audit.services.record(
        case=case_of(second),
        action="rights.split_off",
        actor=user,
        after={"work": row.uid, "title": row.title},
    )
    follow([row, second], user=user)
    return second


def _two(one: Editable, other: Editable, user: User) -> tuple[Editable, Editable]:
    if one.pk == other.pk:
        raise RightsRefused(_("Choose a different one to merge it into."))
    first, second = sorted([one, other], key=lambda each: each.pk)
    locked = {row.pk: row for row in (_locked(first, user), _locked(second, user))}
    return locked[one.pk], locked[other.pk]


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


# --- Conflicts -----------------------------------------------------------------------


@transaction.atomic
def settle(
    *,
    conflict: Conflict,
    user: User,
    revision: int | None = None,
    choice: str | None = None,
    note: str = "",
) -> None:
    """Settle a conflict: believe a source or take a value, or leave all as it is.

    ``choice`` is a source if shares disagree, a value if codes, titles or durations
    do, and None to leave it. Raises ``RightsRefused`` and ``RightsChanged``.
    """
    row = _locked_conflict(conflict, user)
    if (revision is not None and row.revision != revision) or (
        row.state != ConflictState.OPEN
    ):
        raise RightsChanged(
            _("This conflict has changed since you opened it. Look at it again.")
        )
    if choice is None and not note.strip():
        raise RightsRefused(_("Say why it may stay as it is."))
    before: dict[str, Any] = {}  # Any: a column's value
    if choice is not None:
        before = _apply_choice(row, choice, user)
    row.state, row.note = ConflictState.SETTLED, note.strip()[:_NOTE_LENGTH]
    row.has_choice, row.chosen = choice is not None, choice or ""
    row.settled_by, row.settled_at = user, datetime.now(tz=UTC)
    row.revision += 1
    row.save()
    audit.services.record(
        case=f"conflict:{row.uid}",
        action=RightsVerb.SETTLE,
        actor=user,
        before=before,
        after={"choice": choice, "record": row.subject.uid},
        note=row.note,
    )
    if row.recording is not None or row.work is not None:
        _refill(row.subject, user)


def _apply_choice(row: Conflict, choice: str, user: User) -> dict[str, Any]:
    """Write a chosen value to its record; return what it had. Any: a column's value."""
    kind = ConflictKind(row.kind)
    if kind == ConflictKind.OVERLAP:
        if choice not in sources_of(row):
            raise RightsRefused(_("Choose one of the sources that disagree."))
        return {}
    field = _FIELD_OF.get(kind)
    if field is None or choice not in [each["value"] for each in values_of(row)]:
        raise RightsRefused(_("Choose one of the values that differ."))
    subject = row.subject
    before = {field: getattr(subject, field)}
    if kind == ConflictKind.TITLE and isinstance(subject, RightsRecording):
        before["version_title"] = subject.version_title
        subject.version_title = ""
    setattr(subject, field, int(choice) if field == "duration_ms" else choice[:500])
    subject.save()
    return before


@transaction.atomic
def reopen(*, conflict: Conflict, user: User) -> None:
    """Undo the settling of a conflict; a value that was taken goes back."""
    row = _locked_conflict(conflict, user)
    if row.state != ConflictState.SETTLED:
        raise RightsChanged(
            _("This conflict is not settled. There is nothing to undo.")
        )
    case = f"conflict:{row.uid}"
    event = (
        Event.objects.filter(case=case, action=RightsVerb.SETTLE)
        .order_by("-sequence")
        .first()
    )
    if event is not None and event.before:
        subject = row.subject
        for name, value in event.before.items():
            setattr(subject, name, value)
        subject.save()
    row.state, row.has_choice, row.chosen, row.note = ConflictState.OPEN, False, "", ""
    row.settled_by = row.settled_at = None
    row.revision += 1
    row.save()
    audit.services.record(case=case, action=RightsVerb.UNDO, actor=user)
    _refill(row.subject, user)


def settle_many(
    *, conflicts: Sequence[Conflict], user: User, note: str
) -> tuple[int, list[str]]:
    """Leave several conflicts as they are; return how many, and why others were not."""
    if len(conflicts) > BULK_LIMIT:
        raise RightsRefused(
            _("Choose at most %(most)s conflicts at once.") % {"most": BULK_LIMIT}
        )
    done, refusals = 0, []
    for conflict in conflicts:
        try:
            settle(conflict=conflict, user=user, note=note)
        except RightsRefused as refused:
            refusals.append(f"{conflict}: {refused}")
        else:
            done += 1
    return done, refusals


def _locked_conflict(conflict: Conflict, user: User) -> Conflict:
    rows = Conflict.objects.select_for_update(of=("self",))
    row = rows.filter(pk=conflict.pk).first()
    if row is None:
        raise RightsChanged(_("This conflict no longer exists."))
    if refusal := why_not(record=row, user=user):
        raise RightsRefused(refusal)
    return row


# --- Undo ----------------------------------------------------------------------------


@transaction.atomic
def undo(*, record: Case, user: User) -> str:
    """Undo the last action on a record; return a sentence about it."""
    row = _locked(record, user, merged=True)
    event = last_action(row)
    if event is None:
        raise RightsRefused(_("There is nothing to undo."))
    said = _UNDOING[RightsVerb(event.action)](row, event, user)
    audit.services.record(
        case=case_of(row),
        action=RightsVerb.UNDO,
        actor=user,
        after={"undone": event.action, "event": event.sequence},
    )
    return said


def last_action(record: Case) -> Event | None:
    """Return the last action by a person that can be undone."""
    events = Event.objects.filter(
        case=case_of(record), action__in=[*_UNDOING, RightsVerb.UNDO]
    ).order_by("-sequence")
    skipped = set()
    for event in events:
        if event.action == RightsVerb.UNDO:
            skipped.add(event.after["event"])
        elif event.sequence not in skipped:
            return event
    return None


def _undo_edit(row: Any, event: Event, user: User) -> str:  # Any: a record
    for name, value in event.before.items():
        column = row._meta.get_field(name)
        setattr(row, name, column.to_python(value))
    _save(row)
    _follow(row, user)
    return _("The values are as they were before.")


def _undo_share(row: Any, event: Event, user: User, *, comes_back: bool) -> str:
    share = Share.objects.filter(uid=event.after["share"])
    share.update(
        withdrawn_at=None if comes_back else datetime.now(tz=UTC),
        withdrawn_by=None if comes_back else user,
    )
    _follow(row, user)
    return (
        _("The share was restored.")
        if comes_back
        else _("The share was removed again.")
    )


def _undo_title(row: Any, event: Event, user: User) -> str:
    OtherTitle.objects.filter(pk=event.after["title"], work=row).delete()
    return _("The title was removed again.")


def _undo_link(row: Any, event: Event, user: User, *, comes_back: bool) -> str:
    sound = RightsRecording.objects.filter(uid=event.after["recording"]).first()
    if sound is None:
        raise RightsRefused(_("This recording no longer exists."))
    if comes_back:
        _attach(row, sound)
        row.kept_off.remove(sound)
    else:
        row.recordings.remove(sound)
    _follow(row, user, sound)
    return _("The recordings are as they were before.")


def _undo_merge(row: Any, event: Event, user: User) -> str:
    target = type(row).objects.select_for_update().get(uid=event.after["into"])
    if target.merged_into_id is not None:
        raise RightsRefused(
            _("%(name)s has been merged since. Undo that first.") % {"name": target}
        )
    moved = event.after["moved"]
    row.merged_into = None
    if isinstance(row, Party):
        Share.objects.filter(pk__in=moved["shares"], party=target).update(party=row)
        controlled = Share.objects.filter(pk__in=moved["controlled"])
        controlled.filter(controlled_by=target).update(controlled_by=row)
        touched: list[Any] = [*records_of_party(row.pk), *records_of_party(target.pk)]
    else:
        for model, name in (
            (Share, "shares"),
            (OtherTitle, "titles"),
            (WorkNumber, "numbers"),
            (Statement, "statements"),
        ):
            rows = model._default_manager.filter(pk__in=moved[name], work=target)
            rows.update(work=row)
        row.recordings.add(*moved["recordings"], *moved["both"])
        target.recordings.remove(*moved["recordings"])
        target.kept_off.remove(*moved.get("kept_off", ()))
        if moved["iswc"] and target.iswc == moved["iswc"]:
            target.iswc = ""
        touched = [row, target]
    _save(row)
    _save(target)
    follow(touched, user=user)
    return _("Both are separate again.")


def _undo_split(row: Any, event: Event, user: User) -> str:
    second = Work.objects.select_for_update().get(uid=event.after["second"])
    if last_action(second) is not None or second.merged_into_id is not None:
        raise RightsRefused(
            _("The other work has changed since. Undo that change first.")
        )
    Share.objects.filter(work=second).update(work=row)
    sounds = list(second.recordings.all())
    row.recordings.add(*sounds)
    row.kept_off.remove(*sounds)
    second.recordings.clear()
    second.merged_into = row
    _save(second)
    _save(row)
    follow([row, second], user=user)
    return _("The two works are one again.")


_UNDOING: Final[Mapping[RightsVerb, Callable[[Any, Event, User], str]]] = {
    RightsVerb.EDIT: _undo_edit,
    RightsVerb.ADD_SHARE: partial(_undo_share, comes_back=False),
    RightsVerb.REMOVE_SHARE: partial(_undo_share, comes_back=True),
    RightsVerb.ADD_TITLE: _undo_title,
    RightsVerb.LINK: partial(_undo_link, comes_back=False),
    RightsVerb.UNLINK: partial(_undo_link, comes_back=True),
    RightsVerb.MERGE: _undo_merge,
    RightsVerb.SPLIT: _undo_split,
}


# --- Common --------------------------------------------------------------------------


def _locked(
    record: Any, user: User, revision: int | None = None, *, merged: bool = False
) -> Any:  # Any: a record, of the class that came
    """Return the row, locked, if the person may change it as they saw it."""
    row = type(record).objects.select_for_update().filter(pk=record.pk).first()
    if row is None:
        raise RightsRefused(_("This record no longer exists."))
    if refusal := why_not(record=row, user=user):
        raise RightsRefused(refusal)
    if not merged and getattr(row, "merged_into_id", None) is not None:
        raise RightsRefused(_("It was merged into another one. Undo that first."))
    if revision is not None and row.revision != revision:
        raise RightsChanged(
            _("This record has changed since you opened it. Look at it again.")
        )
    return row


def _save(row: Any) -> None:  # Any: a record with revisions
    row.revision += 1
    row.save()


def _record(row: Case, verb: RightsVerb, user: User, **after: object) -> None:
    audit.services.record(case=case_of(row), action=verb, actor=user, after=after)


def _follow(row: Case, user: User, sound: RightsRecording | None = None) -> None:
    """Update conflicts and recordings after a record changed."""
    touched: list[Any] = [sound] if sound is not None else []
    touched += records_of_party(row.pk) if isinstance(row, Party) else [row]
    follow(touched, user=user)


def _refill(record: Any, user: User) -> None:  # Any: a record
    """Update our share of a record's recordings after a conflict was settled."""
    sounds = (
        [record] if isinstance(record, RightsRecording) else record.recordings.all()
    )
    fill_recordings(sounds, user=user)


def _plain(value: object) -> object:
    return (
        value if isinstance(value, (str, int, bool, list, type(None))) else str(value)
    )
