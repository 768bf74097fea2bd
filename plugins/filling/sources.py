"""Adds and deletes sources of open data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.storage import delete_files, display_name, keep_file, kept_only_if_done
from base.jobs.services import submit
from plugins.filling.choices import SuggestionState
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.indexes import folder, index_path
from plugins.filling.jobs import READ_SOURCE
from plugins.filling.models import EnrichmentSource, Suggestion
from plugins.filling.open_data.index import BUILDING, remove_database
from plugins.filling.open_data.kinds import source_kinds

OWN_LIST: Final = "table"


def add_source(
    *, kind: str, path: Path, name: str = "", accepts_licence: bool, user: User | None
) -> EnrichmentSource:
    """Add a source whose file lies on this machine; the caller has it read.

    Raises ``EnrichmentRefused`` if the person did not accept its licence.
    """
    source = EnrichmentSource(
        kind=kind, name=name or f"{path.name}"[:200], path=str(path.absolute())
    )
    return _add(source, accepts_licence=accepts_licence, user=user)


def _add(source: EnrichmentSource, *, accepts_licence: bool, user: User | None) -> EnrichmentSource:
    kind = source.kind
    source_kind = source_kinds()[kind]
    if not accepts_licence:
        raise EnrichmentRefused(
            "no_licence",
            _("Accept the licence of %(name)s first: %(terms)s")
            % {"name": _(source_kind.label), "terms": _(source_kind.terms)},
        )
    with transaction.atomic():
        source.licence, source.accepted_by = source_kind.licence, user
        source.accepted_at = datetime.now(tz=UTC)
        source.save()
        base.audit.services.record(
            case=f"open-data:{source.uid}",
            action="enrichment.source_added",
            actor=user or base.audit.services.SYSTEM,
            after={"name": source.name, "kind": kind, "licence": source_kind.licence},
        )
    return source


def add_list(
    *, upload: File[bytes], name: str, accepts_licence: bool, user: User
) -> EnrichmentSource:
    """Keep a customer's own list that a page sent, and have it read.

    It is stored like other uploads, and goes with its source. Raises
    ``EnrichmentRefused`` as ``add_source``.
    """
    file_name = display_name(upload.name or "", otherwise="list.csv")
    suffix = ".xlsx" if file_name.lower().endswith(".xlsx") else ".csv"
    source = EnrichmentSource(kind=OWN_LIST, name=name or file_name[:200])
    with kept_only_if_done() as names:
        stored = keep_file(upload, f"enrichment/{source.uid}{suffix}").name
        names.append(stored)
        source.upload = stored
        with transaction.atomic():
            _add(source, accepts_licence=accepts_licence, user=user)
            submit(READ_SOURCE, source, user=user)
    return source


def delete_source(*, source: EnrichmentSource, user: User | None) -> None:
    """Delete a source and its index; what was accepted stays.

    Suggestions that other sources make too keep those as their grounds.
    """
    with transaction.atomic(), working_for(None):
        mine = Suggestion.objects.filter(sources=source, state=SuggestionState.OPEN)
        shared = list(
            mine.filter(
                pk__in=Suggestion.objects.filter(sources=source)
                .filter(sources__in=EnrichmentSource.objects.exclude(pk=source.pk))
                .values("pk")
            )
        )
        mine.exclude(pk__in=[row.pk for row in shared]).update(state=SuggestionState.REPLACED)
        for row in shared:
            row.evidence = [entry for entry in row.evidence if entry["source"] != source.uid]
        Suggestion.objects.bulk_update(shared, ["evidence"], batch_size=500)
        base.audit.services.record(
            case=f"open-data:{source.uid}",
            action="enrichment.source_deleted",
            actor=user or base.audit.services.SYSTEM,
            before={"name": source.name, "kind": source.kind},
        )
        path, uid, upload = index_path(source), source.uid, str(source.upload)
        source.delete()
        transaction.on_commit(lambda: _remove_files(path, uid, upload))


def _remove_files(path: Path, uid: str, upload: str) -> None:
    # Files that an operator put on this machine stay.
    delete_files([upload])
    remove_database(path)
    remove_database(path.with_name(path.name + BUILDING))
    for leftover in folder().glob(f"{uid}.*.tables"):
        remove_database(leftover)
