"""Exclude a shared loop in every recording that has it, or keep it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_shared
from base.accounts.roles import Action
from catalogue.models import ExclusionReason
from catalogue.selectors import excluded_intervals
from dedup.errors import ActionNotAllowed, ActionRefused
from dedup.models import LoopPlace, LoopState, SharedLoop
from review.services import exclusions


@dataclass(frozen=True, slots=True)
class PlacePreview:
    """A place of the loop, and what excluding it would affect."""

    place: LoopPlace
    preview: exclusions.ExclusionPreview
    excluded_already: bool


def preview(*, loop: SharedLoop) -> list[PlacePreview]:
    """Return for each place of a loop which matches would lose time."""
    return [
        PlacePreview(
            place,
            exclusions.preview(
                recording=place.recording, start_ms=place.start_ms, end_ms=_end(place)
            ),
            _is_excluded(place),
        )
        for place in loop.places.select_related("recording")
    ]


@transaction.atomic
def exclude_everywhere(*, loop: SharedLoop, user: User, note: str = "") -> int:
    """Exclude a loop in all its recordings; return the number of places.

    For a reviewer these are proposals. Places already excluded are skipped.
    """
    loop = _lock_loop(loop, user)
    manages = user.has_perm(Action.EDIT_CATALOGUE)
    places = [place for place in loop.places.select_related("recording") if not _is_excluded(place)]
    # A reviewer's exclusions wait for approval, so the loop stays open.
    act = exclusions.exclude if manages else exclusions.propose
    for place in places:
        act(
            recording=place.recording,
            interval=(place.start_ms, _end(place)),
            reason=ExclusionReason.SHARED_LOOP,
            user=user,
            note=note,
        )
    if manages:
        _settle(loop, LoopState.EXCLUDED, user, note)
    return len(places)


@transaction.atomic
def keep(*, loop: SharedLoop, user: User, note: str = "") -> None:
    """Keep a loop; it is not reported again."""
    if not user.has_perm(Action.EDIT_DUPLICATES):
        raise ActionNotAllowed(_("Only a manager may decide about shared loops."))
    _settle(_lock_loop(loop, user), LoopState.KEPT, user, note)


def _lock_loop(loop: SharedLoop, user: User) -> SharedLoop:
    refuse_shared(loop, user)
    current = SharedLoop.objects.select_for_update().filter(pk=loop.pk).first()
    if current is None or current.state != LoopState.OPEN:
        raise ActionRefused(_("Somebody already decided about this loop. Nothing was done."))
    return current


def _settle(loop: SharedLoop, state: LoopState, user: User, note: str) -> None:
    loop.state = state
    loop.save(update_fields=["state"])
    base.audit.services.record(
        case=f"loop:{loop.uid}",
        action=f"dedup.loop_{state.value}",
        actor=user,
        before={"state": LoopState.OPEN},
        after={"state": state.value, "places": loop.places.count()},
        note=note,
    )


def _end(place: LoopPlace) -> int:
    """Return the end of a place; alignment may reach slightly beyond the audio."""
    length = place.recording.duration_ms
    return min(place.end_ms, length) if length else place.end_ms


def _is_excluded(place: LoopPlace) -> bool:
    return any(
        start <= place.start_ms and end >= _end(place)
        for start, end in excluded_intervals(place.recording)
    )
