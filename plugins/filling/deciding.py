"""Accepts and rejects suggestions, and undoes both.

Whatever is decided at once is one act. Accepting writes only empty fields, through
``catalogue.changes``, so that the recording's own history says where a value came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from base.common.batches import batched
from base.common.uid import new_uid
from catalogue.changes import update_recording
from catalogue.models import Recording, RecordingStatus
from plugins.filling.choices import FillField, SuggestionState
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.fields import columns_of, value_of
from plugins.filling.models import FillingRule, Suggestion

# Each takes milliseconds, and on SQLite everybody else waits to write meanwhile.
AT_ONCE: Final = 50


@dataclass(slots=True)
class ActOutcome:
    """What an act did: the suggestions done, and those left with the reason."""

    done: list[Suggestion] = field(default_factory=list)
    skipped: list[tuple[Suggestion, str]] = field(default_factory=list)


def accept(*, suggestion: Suggestion, user: User) -> str:
    """Accept one suggestion; return the act. Raises ``EnrichmentRefused``."""
    act = new_uid("fa")
    open_rows = Suggestion.objects.filter(pk=suggestion.pk, state=SuggestionState.OPEN)
    if not open_rows.update(act=act):
        raise _decided()
    outcome = apply_act(act=act, user=user)
    if outcome.skipped:
        raise EnrichmentRefused("value_taken", outcome.skipped[0][1])
    return act


def reject(*, suggestion: Suggestion, user: User) -> str:
    """Reject one suggestion; return the act. Raises ``EnrichmentRefused``."""
    act = new_uid("fa")
    with transaction.atomic():
        changed = Suggestion.objects.filter(pk=suggestion.pk, state=SuggestionState.OPEN).update(
            state=SuggestionState.REJECTED,
            act=act,
            decided_by=user,
            decided_at=datetime.now(tz=UTC),
        )
        if not changed:
            raise _decided()
        _record(suggestion, "suggestion.rejected", user)
    return act


def apply_act(
    *,
    act: str,
    user: User | None,
    rule: FillingRule | None = None,
    heartbeat: Callable[[int], None] = lambda _done: None,
) -> ActOutcome:
    """Accept the open suggestions that carry an act, ``AT_ONCE`` in one transaction.

    Within the access limits of whoever runs it. Safe to run again.
    """
    outcome = ActOutcome()
    rows = Suggestion.objects.filter(act=act, state=SuggestionState.OPEN)
    for keys in batched(rows.order_by("pk").values_list("pk", flat=True), AT_ONCE):
        with transaction.atomic():
            for suggestion, recording in _lock_suggestions(keys, SuggestionState.OPEN):
                why = _why_not(suggestion, recording)
                if why:
                    outcome.skipped.append((suggestion, why))
                    continue
                _write(suggestion, recording, user, rule)
                outcome.done.append(suggestion)
        heartbeat(len(outcome.done) + len(outcome.skipped))
    # What was left waits for another decision.
    rows.update(act="")
    if len(outcome.done) > 1 or rule is not None:
        base.audit.services.record(
            case=f"filling:{act}",
            action="enrichment.applied",
            actor=_actor(user, rule),
            after={"accepted": len(outcome.done), "left": len(outcome.skipped)},
        )
    return outcome


def undo_act(*, act: str, user: User) -> ActOutcome:
    """Take back what an act decided, as far as nobody has changed the value since.

    Raises ``EnrichmentRefused`` if the act decided nothing that could be taken back.
    """
    outcome = ActOutcome()
    decided = [SuggestionState.ACCEPTED, SuggestionState.REJECTED]
    rows = Suggestion.objects.filter(act=act, state__in=decided)
    keys = list(rows.order_by("pk").values_list("pk", flat=True)) if act else []
    if not keys:
        raise EnrichmentRefused("changed_meanwhile", _("There is nothing left of it to undo."))
    for part in batched(keys, AT_ONCE):
        with transaction.atomic():
            for suggestion, recording in _lock_suggestions(part, *decided):
                if why := _take_back(suggestion, recording, user):
                    outcome.skipped.append((suggestion, why))
                else:
                    outcome.done.append(suggestion)
    return outcome


def _write(
    suggestion: Suggestion, recording: Recording, user: User | None, rule: FillingRule | None
) -> None:
    suggestion.before = value_of(recording, suggestion.field)
    suggestion.state = SuggestionState.ACCEPTED
    suggestion.decided_by, suggestion.rule = user, rule
    suggestion.decided_at = datetime.now(tz=UTC)
    suggestion.save(update_fields=["before", "state", "decided_by", "rule", "decided_at"])
    update_recording(
        recording=recording,
        columns=columns_of(suggestion.field, suggestion.value),
        user=user,
        note=f"suggestion:{suggestion.uid}",
    )
    _record(suggestion, "suggestion.accepted", user, rule)
    # The others for this field have nothing left to fill.
    Suggestion.objects.filter(
        recording=recording, field=suggestion.field, state=SuggestionState.OPEN
    ).update(state=SuggestionState.REPLACED)


def _take_back(suggestion: Suggestion, recording: Recording, user: User) -> str:
    """Take one decision back; return why not, or ""."""
    if recording.status == RecordingStatus.RETIRED:
        return _("%(name)s is retired.") % {"name": recording.full_title}
    if suggestion.state == SuggestionState.ACCEPTED:
        if value_of(recording, suggestion.field) != suggestion.value:
            last = (
                Event.objects.filter(case=f"recording:{recording.uid}", action="recording.changed")
                .order_by("-sequence")
                .first()
            )
            return _("%(recording)s was changed since by %(name)s.") % {
                "recording": recording.full_title,
                "name": last.actor_name if last is not None else _("somebody"),
            }
        update_recording(
            recording=recording,
            columns=columns_of(suggestion.field, suggestion.before),
            user=user,
            note=f"suggestion:{suggestion.uid}",
        )
    same = Suggestion.objects.filter(
        recording=recording,
        field=suggestion.field,
        value=suggestion.value,
        state=SuggestionState.OPEN,
    )
    # A later search may have suggested it again.
    same.update(state=SuggestionState.REPLACED)
    Suggestion.objects.filter(pk=suggestion.pk).update(
        state=SuggestionState.OPEN, act="", decided_by=None, rule=None, decided_at=None
    )
    _record(suggestion, "suggestion.undone", user)
    return ""


def _why_not(suggestion: Suggestion, recording: Recording) -> str:
    if recording.status == RecordingStatus.RETIRED:
        return _("%(name)s is retired.") % {"name": recording.full_title}
    if value_of(recording, suggestion.field):
        return _("%(name)s has a value in this field meanwhile.") % {"name": recording.full_title}
    if suggestion.field == FillField.ISRC and _is_taken(suggestion, recording):
        return _(
            "%(code)s belongs to another recording of ours already. If both are the "
            "same recording, merge them; otherwise reject this suggestion."
        ) % {"code": suggestion.value}
    return ""


def _is_taken(suggestion: Suggestion, recording: Recording) -> bool:
    # Also by a recording that this person may not see.
    with working_for(None):
        holders = Recording.objects.filter(isrc_normalised=suggestion.value).exclude(
            pk=recording.pk
        )
        return holders.exclude(status__in=[RecordingStatus.RETIRED, RecordingStatus.STUB]).exists()


def _lock_suggestions(
    keys: Iterable[int], *states: SuggestionState
) -> Iterator[tuple[Suggestion, Recording]]:
    """Yield suggestions in these states with their recordings, all locked."""
    rows = list(
        Suggestion.objects.select_for_update()
        .filter(pk__in=list(keys), state__in=states)
        .order_by("pk")
    )
    recordings = Recording.objects.select_for_update().in_bulk(
        sorted({row.recording_id for row in rows})
    )
    for row in rows:
        if row.recording_id in recordings:
            row.recording = recordings[row.recording_id]
            yield row, row.recording


def _record(
    suggestion: Suggestion, action: str, user: User | None, rule: FillingRule | None = None
) -> None:
    base.audit.services.record(
        case=f"suggestion:{suggestion.uid}",
        action=action,
        actor=_actor(user, rule),
        after={
            "recording": suggestion.recording.uid,
            "field": suggestion.field,
            "value": suggestion.value,
        },
    )


def _actor(user: User | None, rule: FillingRule | None) -> User | str:
    if user is not None:
        return user
    return f"filling-rule:{rule.uid}" if rule is not None else base.audit.services.SYSTEM


def _decided() -> EnrichmentRefused:
    return EnrichmentRefused(
        "changed_meanwhile", _("This suggestion was decided meanwhile. Reload to see how.")
    )
