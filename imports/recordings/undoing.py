"""Takes back what an import of recordings did.

Recordings are never deleted, because matches and the trail refer to them: those that an
import added are retired, and give up their custom id.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.accounts.roles import Action
from base.audit.models import Event
from catalogue.changes import retire_recordings, update_recording
from catalogue.models import Exclusion, Recording, RecordingStatus
from imports.undoing.steps import Stays, Undo, changed_again, differing, missing
from review.models import Match
from review.services import exclusions

_DERIVED = ("isrc_normalised", "isrc_status")


def refuse_used(undo: Undo, event: Event, row: Recording) -> None:
    """Raise ``Stays`` if a recording that waited for audio was used since it came."""
    # A real undo would already have taken back the audio that this import gave.
    if undo.dry and event.case in undo.gone_audio:
        return
    if row.status != RecordingStatus.STUB:
        raise Stays(_("It has audio by now. Retire it itself if it must go."))
    matches = Match.objects.filter(recording=row)
    if matches.filter(Match.by_people()).exists():
        raise Stays(_("People decided matches of it. Retire it itself if it must go."))
    if matches.filter(Match.by_programs()).exists():
        raise Stays(_("Programs decided matches of it. Retire it itself if it must go."))


def editable_recording(undo: Undo, event: Event) -> Recording:
    """Return the recording of an event, locked. Raises ``Stays``."""
    if not undo.user.has_perm(Action.EDIT_CATALOGUE):
        raise Stays(_("Your role can view the catalogue but not change it."))
    uid = event.case.partition(":")[2]
    row = Recording.objects.select_for_update(of=("self",)).filter(uid=uid).first()
    if row is None:
        raise missing()
    if row.merged_into is not None:
        raise Stays(
            _("It was merged into %(name)s. Undo the merge first.") % {"name": row.merged_into}
        )
    return row


def retire(undo: Undo, event: Event) -> str:
    """Retire a recording that the import added."""
    row = editable_recording(undo, event)
    if row.status == RecordingStatus.RETIRED:
        return ""
    if Recording.objects.filter(merged_into=row).exists():
        raise Stays(_("Other recordings were merged into it. Undo these merges first."))
    if event.after.get("waits_for_audio"):
        refuse_used(undo, event, row)
    retire_recordings(recordings=[row], user=undo.user)
    undo.gone.add(event.case)
    decided = Match.objects.filter(Match.by_people() | Match.by_programs(), recording=row).count()
    if decided:
        text = ngettext(
            "It is retired; %(n)s match that was decided stays.",
            "It is retired; %(n)s matches that were decided stay.",
            decided,
        )
        undo.note(event, text % {"n": decided})
    return ""


def restore_columns(undo: Undo, event: Event) -> str:
    """Give a recording the earlier values of what nobody changed since."""
    row = editable_recording(undo, event)
    now = {name: getattr(row, name) for name in event.after}
    same, changed = differing(now, event.before, event.after)
    if same:
        columns: dict[str, Any] = {  # Any: a column's value
            name: Recording._meta.get_field(name).to_python(value)  # type: ignore[union-attr]  # a column
            for name, value in same.items()
        }
        update_recording(recording=row, columns=columns, user=undo.user)
    return changed_again([name for name in changed if name not in _DERIVED])


def keep_audio(_undo: Undo, _event: Event) -> str:
    """Keep the new audio: the earlier one is no longer stored."""
    raise Stays(_("Its audio was replaced, and the earlier audio is no longer stored."))


def remove_exclusion(undo: Undo, event: Event) -> str:
    """Take an exclusion back with its effects; an approved proposal waits again."""
    editable_recording(undo, event)
    segment = Exclusion.objects.filter(uid=event.after["exclusion"]).first()
    if segment is None:
        raise missing()
    if segment.removed_at is not None or not segment.approved:
        return ""
    proposed = Event.objects.filter(
        case=event.case, action="exclusion.proposed", after__exclusion=segment.uid
    )
    if proposed.exists():
        exclusions.undo_approval(segment=segment, user=undo.user)
    else:
        exclusions.take_back(segment=segment, user=undo.user)
    return ""
