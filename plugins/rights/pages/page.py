"""Contexts of the pages of rights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.accounts.models import User
from base.audit.models import Event
from base.common.reading import read_clock, read_date
from base.common.zones import office_day
from catalogue.models import Recording
from catalogue.owners import tis
from catalogue.owners.choices import ConflictKind, ConflictState
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Work
from catalogue.owners.records import case_of, catalogue_recordings
from catalogue.owners.selectors import (
    conflicts_in_reach,
    owners_of,
    parties_in_reach,
    recordings_in_reach,
    role_label,
    works_in_reach,
)
from plugins.rights import selectors
from plugins.rights.actions.base import Case, RightsVerb, why_not
from plugins.rights.actions.undoing import last_action
from plugins.rights.pages.forms import ConflictFilterForm, SettleAllForm
from web.portal.shared.lists import count_of
from web.portal.shared.selection import pack

_SENTENCES: Final[dict[str, str | Promise]] = {
    "rights.imported": gettext_lazy("was added by an import"),
    "rights.import_changed": gettext_lazy("was changed by an import"),
    "rights.took_over": gettext_lazy("absorbed another one"),
    "rights.split_off": gettext_lazy("was split off another work"),
    "conflict.opened": gettext_lazy("opened"),
    "conflict.gone": gettext_lazy("was removed by an import"),
    RightsVerb.CREATE: gettext_lazy("was added"),
    RightsVerb.EDIT: gettext_lazy("was edited"),
    RightsVerb.ADD_SHARE: gettext_lazy("got a share"),
    RightsVerb.REMOVE_SHARE: gettext_lazy("lost a share"),
    RightsVerb.ADD_TITLE: gettext_lazy("got a title"),
    RightsVerb.LINK: gettext_lazy("got a recording"),
    RightsVerb.UNLINK: gettext_lazy("lost a recording"),
    RightsVerb.MERGE: gettext_lazy("was merged into another one"),
    RightsVerb.SPLIT: gettext_lazy("was split"),
    RightsVerb.SETTLE: gettext_lazy("was settled"),
    RightsVerb.UNDO: gettext_lazy("had its last change undone"),
}
_UNDONE: Final[dict[str, str | Promise]] = {
    RightsVerb.MERGE: gettext_lazy("is separate again from another one"),
    "rights.took_over": gettext_lazy("gave back what it absorbed"),
    RightsVerb.SPLIT: gettext_lazy("took back what was split off"),
    "rights.split_off": gettext_lazy("was joined again with the work that it was split off"),
}
"""Of an undo, by the action that it takes back: what happened to this side of two."""
_NAMING: Final = ("recording", "second", "into", "work", "party", "other")
"""What events call the records that they name."""


def url_of(record: Case) -> str:
    """Return the address of a record's page."""
    names = {Work: "work", Party: "party", Release: "release", RightsRecording: "rights_recording"}
    return reverse(f"portal:{names[type(record)]}", args=[record.uid])


def source_label(claimant: str) -> str:
    """Return who claims something, in words."""
    return claimant or _("By hand")


def source_choices(sources: Iterable[str]) -> list[tuple[str, str]]:
    """Return sources as choices; "" is people, and no empty choice."""
    return [(f"={source}", source_label(source)) for source in sources]


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claimed share as a table shows it."""

    share: Share
    group: str
    role: str
    territory: str
    source: str
    has_ended: bool


def claim_rows(record: Work | RightsRecording) -> list[ClaimRow]:
    """Return all claimed shares of a record."""
    today = office_day()
    return [
        ClaimRow(
            share=share,
            group=f"{share.get_right_display()} · {share.get_kind_display()}",
            role=role_label(share.role),
            territory=tis.in_words(share.included, share.excluded),
            source=source_label(share.claimant),
            has_ended=share.valid_until is not None and share.valid_until < today,
        )
        for share in selectors.claims_of(record)
    ]


@dataclass(frozen=True, slots=True)
class RightsEvent:
    """One event: when, who, and what happened."""

    at: Any
    actor_name: str
    sentence: str
    detail: str
    note: str


def history(case: str) -> list[RightsEvent]:
    """Return what happened to a record, newest first.

    Recordings and works that the viewer may not see are not named.
    """
    events = list(Event.objects.filter(case=case).order_by("-sequence")[:50])
    named = {uid for event in events for uid in _named_in(event)}
    seen = {
        uid
        for rows in (recordings_in_reach(), works_in_reach(), parties_in_reach())
        for uid in rows.filter(uid__in=named).values_list("uid", flat=True)
    }
    return [
        RightsEvent(
            event.at,
            event.actor_name,
            _sentence(event),
            ""
            if _named_in(event) - seen
            else str(event.after.get("text") or event.after.get("source") or ""),
            event.note,
        )
        for event in events
    ]


def _named_in(event: Event) -> set[str]:
    return {str(event.after[key]) for key in _NAMING if key in event.after}


def _sentence(event: Event) -> str:
    sentence = _SENTENCES.get(event.action, event.action)
    if event.action == RightsVerb.UNDO:
        sentence = _UNDONE.get(event.after.get("undone", ""), sentence)
    return str(sentence)


def record_context(record: Case, user: User) -> dict[str, object]:
    """Return the context that the pages of all records share."""
    refusal = why_not(record=record, user=user)
    is_merged = getattr(record, "merged_into_id", None) is not None
    context: dict[str, object] = {
        "record": record,
        "url": url_of(record),
        "refusal": refusal,
        "may_edit": not refusal and not is_merged,
        "undoable": None if refusal else last_action(record),
        "events": history(case_of(record)),
    }
    if not isinstance(record, Party):
        context["open_conflicts"] = selectors.open_conflicts(record)
    if isinstance(record, Work | RightsRecording):
        context["claims"] = claim_rows(record)
        context["owners"] = owners_of(record, day=office_day())
        context["today"] = office_day()
    return context


@dataclass(frozen=True, slots=True)
class SoundRow:
    """A recording with rights, and those of the catalogue that it stands for."""

    sound: RightsRecording
    here: list[Recording]
    position: int | None = None


def sound_rows(record: Work | Release) -> list[SoundRow]:
    """Return the recordings of a work, or the tracks of a release, that may be seen."""
    seen = set(
        recordings_in_reach()
        .filter(pk__in=[recording.pk for recording in record.recordings.all()])
        .values_list("pk", flat=True)
    )
    pairs: list[tuple[RightsRecording, int | None]]
    if isinstance(record, Release):
        tracks = record.tracks.select_related("recording").order_by("position", "pk")
        pairs = [(track.recording, track.position) for track in tracks]
    else:
        pairs = [(recording, None) for recording in record.recordings.order_by("pk")]
    return [
        SoundRow(sound, list(catalogue_recordings(sound)[:5]), position)
        for sound, position in pairs
        if sound.pk in seen
    ]


def catalogue_rows(record: RightsRecording) -> list[Recording]:
    """Return the catalogue recordings that a record stands for and that may be seen."""
    return list(catalogue_recordings(record).select_related("bucket")[:20])


# --- Conflicts -----------------------------------------------------------------------


def tab_counts(rows: Any) -> list[tuple[str, str, int]]:  # Any: a queryset
    """Return value, label and count of each list of conflicts."""
    return [
        (state.value, str(state.label), count_of(rows.filter(state=state)))
        for state in ConflictState
    ]


def listed_conflicts(filters: ConflictFilterForm) -> Any:  # Any: a queryset
    """Return the conflicts that the filters leave, in any state."""
    rows = conflicts_in_reach()
    if kind := filters.cleaned_data.get("kind"):
        rows = rows.filter(kind=kind)
    if of := filters.cleaned_data.get("of"):
        rows = rows.filter(Q(work__uid=of) | Q(recording__uid=of) | Q(release__uid=of))
    return rows


def settle_all_form(rows: Sequence[Conflict]) -> SettleAllForm:
    """Return the form that settles all open conflicts of one record."""
    sources = source_choices(selectors.choosable_sources(rows))
    seen = pack({row.uid: row.revision for row in rows})
    return SettleAllForm(sources=sources, initial={"seen": seen})


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A conflict as a list shows it."""

    conflict: Conflict
    subject: str
    subject_url: str
    summary: str


def conflict_rows(conflicts: Sequence[Conflict]) -> list[ConflictRow]:
    """Return the rows of a list of conflicts."""
    return [
        ConflictRow(row, str(row.subject), url_of(row.subject), in_short(row)) for row in conflicts
    ]


def in_short(conflict: Conflict) -> str:
    """Return what contradicts, in one line."""
    if "values" in conflict.evidence:
        values = [shown_value(conflict, claim["value"]) for claim in selectors.values_of(conflict)]
        return " / ".join(dict.fromkeys(values))
    if "works" in conflict.evidence:
        return _("%(count)s works") % {"count": len(conflict.evidence["works"])}
    about = f"{conflict.get_right_display()}, {conflict.get_share_kind_display()}"
    cells = conflict.evidence.get("cells") or [{}]
    first = cells[0]
    return f"{about}: {_place(first)}"


def shown_value(conflict: Conflict, value: str) -> str:
    """Return a value that contradicts as pages write it."""
    if conflict.kind == ConflictKind.DURATION and value.isdecimal():
        return read_clock(int(value), digits=1)
    return value


def _place(cell: dict[str, Any]) -> str:  # Any: JSON
    codes = cell.get("included", []), cell.get("excluded", [])
    return tis.described(tis.expand(*codes))


@dataclass(frozen=True, slots=True)
class CellRow:
    """Countries and days in which shares contradict."""

    territory: str
    time: str
    claims: list[tuple[str, str, str]]


def cell_rows(conflict: Conflict) -> list[CellRow]:
    """Return where and when shares contradict, with who claims what."""
    cells = conflict.evidence.get("cells", [])
    named = {claim["party"] for cell in cells for claim in cell.get("claims", [])}
    parties = {party.uid: str(party) for party in parties_in_reach().filter(uid__in=named)}
    ended = {cell["share"] for cell in cells if "share" in cell}
    shares = {
        share.uid: share for share in Share.objects.filter(uid__in=ended).select_related("party")
    }
    return [_cell_row(cell, parties, shares) for cell in cells]


def _cell_row(
    cell: dict[str, Any], parties: dict[str, str], shares: dict[str, Share]
) -> CellRow:  # Any: JSON
    claims = [
        (
            parties.get(claim["party"], claim["party"]),
            _percent(claim["percent"]),
            source_label(claim["claimant"]),
        )
        for claim in cell.get("claims", [])
    ]
    if (share := shares.get(cell.get("share", ""))) is not None:
        claims.append(
            (
                str(share.party),
                _percent(None if share.percent is None else str(share.percent)),
                source_label(share.claimant),
            )
        )
    return CellRow(
        territory=_place(cell),
        time=_time(cell.get("from", ""), cell.get("until", "")),
        claims=claims,
    )


def _percent(text: str | None) -> str:
    if text is None:
        return _("unknown")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def _time(begin: str, end: str) -> str:
    if not begin and not end:
        return _("always")
    return " – ".join(
        read_date(date.fromisoformat(day), "dated") if day else "…" for day in (begin, end)
    )


def choices_of(conflict: Conflict) -> list[tuple[str, str]]:
    """Return the claims that a person may choose, as choices of a form."""
    if conflict.kind == ConflictKind.OVERLAP:
        return source_choices(selectors.sources_of(conflict))
    values = selectors.values_of(conflict)
    if conflict.kind == ConflictKind.WRITERS or not values:
        return []
    labels_by_value: dict[str, list[str]] = {}
    for claim in values:
        label = _("Catalogue") if "recording" in claim else source_label(claim.get("claimant", ""))
        labels_by_value.setdefault(claim["value"], []).append(label)
    return [
        (f"={value}", f"{shown_value(conflict, value)} ({', '.join(labels)})")
        for value, labels in labels_by_value.items()
    ]


def chosen_label(conflict: Conflict) -> str:
    """Return the claim that a person chose, in words; "" if none."""
    if not conflict.has_choice:
        return ""
    if conflict.kind == ConflictKind.OVERLAP:
        return source_label(conflict.chosen)
    return shown_value(conflict, conflict.chosen)


def other_works(conflict: Conflict) -> list[tuple[Work, str]]:
    """Return the works of one ISWC with their writers."""
    writers = conflict.evidence.get("works", {})
    keys = {key for keys in writers.values() for key in keys}
    seen = parties_in_reach().filter(pk__in=keys)
    names = {party.pk: str(party) for party in seen}
    works = works_in_reach().filter(uid__in=writers).order_by("pk")
    return [(work, ", ".join(names.get(key, "?") for key in writers[work.uid])) for work in works]
