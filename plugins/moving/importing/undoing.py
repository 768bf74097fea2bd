"""Takes back what a move of an account brought and nobody has used since."""

from __future__ import annotations

from django.utils.translation import gettext as _

from base.audit.models import Event
from catalogue import changes
from catalogue.models import Bucket, RecordingStatus
from dedup import track_ids
from imports.models import ImportStep, StepState
from imports.recordings.undoing import editable_recording, refuse_used
from imports.staying import why_stays
from imports.undoing.steps import Stays, Undo, missing
from plugins.moving.models import Moved
from scanning.models import Container
from scanning.services import filing


def _key(event: Event) -> str:
    return event.case.partition(":")[2]


def delete_bucket(undo: Undo, event: Event) -> str:
    """Delete a bucket that holds nothing."""
    row = Bucket.objects.filter(pk=_key(event)).first()
    if row is None:
        raise missing()
    if row.deleted_at is not None:
        return ""
    living = row.recordings.exclude(status=RecordingStatus.RETIRED)
    uids = living.values_list("uid", flat=True)
    if any(f"recording:{uid}" not in undo.gone for uid in uids):
        raise Stays(_("It holds recordings that stay."))
    changes.delete_bucket(bucket=row, user=undo.user)
    return ""


def delete_container(undo: Undo, event: Event) -> str:
    """Delete a container that holds nothing."""
    row = Container.objects.filter(pk=_key(event)).first()
    if row is None:
        raise missing()
    if row.deleted_at is not None:
        return ""
    files = row.files.present().values_list("uid", flat=True)
    if any(f"file:{uid}" not in undo.gone for uid in files):
        raise Stays(_("It holds files that stay."))
    if why := why_stays(row, undo.gone):
        raise Stays(why)
    filing.delete_container(container=row, user=undo.user, reason=_("The import was undone."))
    return ""


def give_back_recording(undo: Undo, event: Event) -> str:
    """Put a recording back where results had named it, or retire it again."""
    row = editable_recording(undo, event)
    refuse_used(undo, event, row)
    if row.status == RecordingStatus.STUB:
        changes.stop_waiting(
            recording=row,
            bucket=event.before["bucket"],
            status=event.before["status"],
            user=undo.user,
        )
    undo.gone.add(event.case)
    return ""


def take_track_id(undo: Undo, event: Event) -> str:
    """Take back the id by which programs know a recording that nobody has used."""
    row = editable_recording(undo, event)
    refuse_used(undo, event, row)
    track_ids.remove_track_id(recording=row, track_id=event.after["track_id"], user=undo.user)
    return ""


def forget_moved(undo: Undo) -> None:
    """Forget what was taken back, so that another move brings it again."""
    undone = ImportStep.objects.filter(import_uid=undo.import_uid, state=StepState.UNDONE)
    Moved.objects.filter(case__in=undone.values("event__case")).delete()
