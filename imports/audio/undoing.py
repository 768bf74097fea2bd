"""Takes audio back that nobody has used since."""

from __future__ import annotations

from django.utils.translation import gettext as _

from base.audit.models import Event
from catalogue import changes
from catalogue.models import RecordingStatus
from imports.recordings.undoing import editable_recording
from imports.undoing.steps import Stays, Undo
from review.models import Match


def take_audio_back(undo: Undo, event: Event) -> str:
    """Let a recording wait again for its audio, if it still has what it was given."""
    row = editable_recording(undo, event)
    if row.status == RecordingStatus.RETIRED:
        raise Stays(_("It was retired since."))
    if row.audio_sha256 != event.after["sha256"]:
        raise Stays(_("It has other audio by now."))
    matches = Match.objects.filter(recording=row)
    if matches.filter(Match.by_people()).exists():
        raise Stays(_("People decided matches of it."))
    if matches.filter(Match.by_programs()).exists():
        raise Stays(_("Programs decided matches of it."))
    changes.take_audio_back(recording=row, user=undo.user)
    undo.gone_audio.add(event.case)
    return ""
