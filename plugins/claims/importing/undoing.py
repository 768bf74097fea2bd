"""Takes an import of a platform's report back: of an account only the newest."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from base.accounts.reach import refuse_limited
from base.audit.models import Event
from imports.models import ImportStep
from imports.undoing.steps import Undo
from plugins.claims.grounds import want_comparison
from plugins.claims.importing import prior
from plugins.claims.models import (
    AssetConflict,
    ClaimsImport,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PriorValues,
    ReferenceFile,
)

_AT_ONCE: Final = 500


def restore(undo: Undo, event: Event) -> str:
    """Return why an import stays; ``put_back`` has done the rest."""
    refuse_limited(undo.user)
    return _why_not(ClaimsImport.objects.get(pk=event.after["import_key"]))


def put_back(undo: Undo) -> None:
    """Put back what an import changed and delete what it added, in short transactions.

    An interrupted undo continues where it stopped.
    """
    refuse_limited(undo.user)
    import_ = ClaimsImport.objects.select_related("account").get(uid=undo.import_uid)
    if _why_not(import_):
        return
    for key, (model, rows, names) in prior.kept_rows(import_.pk):
        undo.heartbeat()
        with transaction.atomic():
            if "account" in names:
                # All columns were kept, and this is many times faster.
                model._default_manager.bulk_create(
                    rows, update_conflicts=True, unique_fields=["id"], update_fields=names
                )
            else:
                model._default_manager.bulk_update(rows, names, batch_size=200)
            PriorValues.objects.filter(pk=key).delete()
    for added in (
        PlatformClaim.objects.filter(first_import=import_.pk),
        ReferenceFile.objects.filter(first_import=import_.pk),
        AssetConflict.objects.filter(first_import=import_.pk),
        PlatformVideo.objects.filter(first_import=import_.pk),
        # An asset stays if something else names it.
        PlatformAsset.objects.filter(
            first_import=import_.pk, claims=None, reference_files=None, conflicts=None, videos=None
        ),
    ):
        _delete(added, undo)
    want_comparison(import_.account)


def _delete(rows: QuerySet[Any], undo: Undo) -> None:  # Any: rows of any model
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        undo.heartbeat()
        rows.model._default_manager.filter(pk__in=keys).delete()


def _why_not(import_: ClaimsImport) -> str:
    """Return why an import cannot be undone: another one changed the account since."""
    later = ClaimsImport.objects.filter(account=import_.account_id, pk__gt=import_.pk)
    steps = ImportStep.objects.filter(import_uid__in=later.values("uid"))
    if steps.exists():
        return _("Only the newest import of an account can be undone.")
    return ""
