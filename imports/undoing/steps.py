"""Takes the steps of an import back, the last one first, or only says what would stay.

Each step is one transaction that marks it, so an interrupted undo goes on where it
stopped, and a repeated one finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from catalogue.changes import ChangeRefused
from imports.kinds import kind_of_uid, undoer_of
from imports.models import ImportStep, StepState
from review.errors import ReviewError
from review.programmes.errors import ProgrammeRefused

SHOWN: Final = 200


class Stays(Exception):
    """A step cannot be taken back; the text says why."""


@dataclass(slots=True)
class UndoSummary:
    """What an undo took back, or would; the lists hold the first entries."""

    steps: int = 0
    undone: int = 0
    kept: int = 0
    stays: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Undo:
    """One walk over the steps of an import; ``dry`` writes nothing."""

    import_uid: str
    user: User
    dry: bool
    heartbeat: Callable[[], None] = lambda: None
    summary: UndoSummary = field(default_factory=UndoSummary)
    gone: set[str] = field(default_factory=set)
    """Cases of records that this walk removes, which a dry one still finds."""
    gone_audio: set[str] = field(default_factory=set)
    """Cases of recordings that lose the audio which they got."""
    gone_shares: set[str] = field(default_factory=set)
    """Uids of shares that it removes from records that stay."""
    gone_links: set[tuple[str, str]] = field(default_factory=set)
    """Cases of works and releases that stay, each with a recording it takes out."""

    def run(self) -> UndoSummary:
        """Take back every step that is not, as the person who asks may."""
        steps = ImportStep.objects.filter(import_uid=self.import_uid, state=StepState.DONE)
        for key in list(steps.order_by("-pk").values_list("pk", flat=True)):
            self.heartbeat()
            with working_for(self.user):
                self._take(key)
        return self.summary

    def note(self, event: Event, text: str) -> None:
        """Say something of a step that is taken back."""
        _list(self.summary.notes, event, text)

    def _take(self, key: int) -> None:
        rows = ImportStep.objects.select_for_update(of=("self",))
        try:
            with transaction.atomic():
                step = rows.get(pk=key)
                if step.state != StepState.DONE:
                    return
                event = step.event
                why = _undoer(event)(self, event)
                _mark(step, why)
                transaction.set_rollback(self.dry)
        except _REFUSALS as refused:
            why = refused.message if isinstance(refused, ReviewError) else str(refused)
            step = ImportStep.objects.select_related("event").get(pk=key)
            event = step.event
            if not self.dry:
                _mark(step, why)
        self.summary.steps += 1
        if why:
            self.summary.kept += 1
            _list(self.summary.stays, event, why)
        else:
            self.summary.undone += 1


def _undoer(event: Event) -> Callable[[Undo, Event], str]:
    path = undoer_of(event.action)
    if not path:
        raise Stays(_("This portal was started without the part that can undo it."))
    undo: Callable[[Undo, Event], str] = import_string(path)
    return undo


_REFUSALS = (Stays, ProgrammeRefused, ChangeRefused, ReviewError, PermissionDenied)


def _mark(step: ImportStep, why: str) -> None:
    step.state = StepState.KEPT if why else StepState.UNDONE
    step.why = why[:500]
    step.save(update_fields=["state", "why"])


def _list(into: list[dict[str, str]], event: Event, text: str) -> None:
    if len(into) < SHOWN:
        into.append({"case": event.case, "name": _name_of(event), "why": text})


def _name_of(event: Event) -> str:
    """Return how people know what an event is about."""
    facts = [*event.after.items(), *event.before.items()]
    named = dict(reversed(facts))
    for name in ("title", "name", "station", "isrc"):
        if isinstance(value := named.get(name), str) and value:
            return value[:200]
    return event.case.partition(":")[2]


def undo_import(
    uid: str, *, user: User, dry: bool, heartbeat: Callable[[], None] = lambda: None
) -> UndoSummary:
    """Undo an import by its uid, or only say what would stay (``dry``).

    Raises ``PermissionDenied`` before the first step for whoever may not import such:
    their undo would end half.
    """
    walk = Undo(import_uid=uid, user=user, dry=dry, heartbeat=heartbeat)
    kind = kind_of_uid(uid)
    if kind is not None:
        kind.refuse(user)
    if kind is None or dry:
        return walk.run()
    if kind.before_undo:
        import_string(kind.before_undo)(walk)
    summary = walk.run()
    if kind.after_undo:
        import_string(kind.after_undo)(walk)
    return summary


def missing() -> Stays:
    """Return why a step stays if its subject is out of sight."""
    return Stays(_("It no longer exists, or you may not see it."))


def differing(
    now: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:  # Any: JSON
    """Return the earlier values of what is still as imported, and the names of the rest."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    same = {name: before.get(name) for name in names if now.get(name) == after.get(name)}
    changed = [name for name in names if name not in same and now.get(name) != before.get(name)]
    return same, changed


def changed_again(names: list[str]) -> str:
    """Return what stays because somebody changed it since; empty for nothing."""
    if not names:
        return ""
    return _("Changed again since: %(names)s.") % {"names": ", ".join(sorted(names))}
