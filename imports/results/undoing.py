"""Takes back what an import of results did.

Scans are never removed, so only files that the import added go, and only while nothing
stands on them.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.accounts.roles import Action
from base.audit.models import Event
from imports.models import ImportStep
from imports.staying import why_stays
from imports.undoing.steps import Stays, Undo, missing
from review.models import Match
from scanning.models import ScannedFile
from scanning.services.filing import delete_files


def delete_file(undo: Undo, event: Event) -> str:
    """Delete a file that the import added; decisions and the trail stay."""
    row = ScannedFile.objects.filter(uid=event.case.partition(":")[2]).first()
    if row is None:
        raise missing()
    if row.deleted_at is not None:
        return ""
    if not undo.user.has_perm(Action.DELETE):
        raise Stays(_("Your role may not delete files. Ask a manager to undo it."))
    matches = Match.objects.filter(scanned_file=row)
    if decided := matches.filter(Match.by_people()).count():
        text = ngettext(
            "People decided %(n)s of its matches. Delete the file itself if it must go.",
            "People decided %(n)s of its matches. Delete the file itself if it must go.",
            decided,
        )
        raise Stays(text % {"n": decided})
    if decided := matches.filter(Match.by_programs()).count():
        text = ngettext(
            "Programs decided %(n)s of its matches. Delete the file itself if it must go.",
            "Programs decided %(n)s of its matches. Delete the file itself if it must go.",
            decided,
        )
        raise Stays(text % {"n": decided})
    own = ImportStep.objects.filter(
        import_uid=undo.import_uid, event__case=event.case, event__action="results.imported"
    ).values_list("event__after__scan", flat=True)
    if row.scans.exclude(uid__in=list(own)).exists():
        raise Stays(_("It was scanned again since."))
    if row.container.cloud_account_id is not None:
        raise Stays(
            _(
                "Its container is connected to a cloud account, where the file would be "
                "deleted, too. Delete the file itself if it must go."
            )
        )
    if why := why_stays(row, undo.gone):
        raise Stays(why)
    delete_files(files=[row], user=undo.user, reason=_("The import was undone."))
    undo.gone.add(event.case)
    return ""


def keep_scan(undo: Undo, event: Event) -> str:
    """Keep a result of a file that was here before; one of a file that goes, goes too."""
    added = ImportStep.objects.filter(
        import_uid=undo.import_uid, event__case=event.case, event__action="file.submitted"
    )
    if added.exists():
        return ""
    raise Stays(_("The file was here before, and scans are never removed. Scan it again."))
