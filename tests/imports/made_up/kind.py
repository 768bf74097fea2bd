"""Tables of new names for buckets, as a kind of import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from django import forms
from django.db import models, transaction

import base.audit.services
from base.accounts.reach import Path, ReachManager
from base.accounts.roles import Action
from base.audit.models import Event
from base.common.storage import local_path
from base.common.uid import new_uid
from catalogue.models import Bucket
from imports.kinds import Columns, ImportKind, SampleFile
from imports.models import Import
from imports.samples import Sample
from imports.tables import open_table, rows_of
from imports.undoing.steps import Stays, Undo

NAMES = ("bucket", "new_name")


class NamesImport(Import):
    place_field = ""

    uid = models.CharField(max_length=32, unique=True, default=partial(new_uid, "ni"))

    reach = Path(owner="made_by")
    objects = ReachManager["NamesImport"]()

    class Meta(Import.Meta):
        app_label = "imports"

    @property
    def case(self) -> str:
        """Return the case of its own."""
        return f"names_import:{self.uid}"


@dataclass(slots=True)
class NamesSummary:
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    unknown_columns: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON


class NamesForm(forms.Form):
    file = forms.FileField()


def run(import_: NamesImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    summary = NamesSummary()
    with local_path(import_.file) as path, open_table(path, encoding="utf-8") as table:
        for row in rows_of(table):
            heartbeat()
            summary.rows += 1
            old, new = row.cells[:2]
            bucket = Bucket.objects.filter(name=old).first()
            if bucket is None:
                summary.refused += 1
                fault = {"line": row.line, "column": NAMES[0], "value": old}
                summary.faults.append({**fault, "rule": "The name of a bucket."})
                continue
            summary.updated += 1
            if not dry:
                with transaction.atomic():
                    Bucket.objects.filter(pk=bucket.pk).update(name=new)
                    base.audit.services.record(
                        case=f"bucket:{bucket.pk}",
                        action="bucket.named_by_table",
                        actor=import_.made_by or "somebody",
                        before={"name": old},
                        after={"name": new},
                    )
    return {"summary": asdict(summary)}


def restore(_undo: Undo, event: Event) -> str:
    key = event.case.partition(":")[2]
    rows = Bucket.objects.filter(pk=key, name=event.after["name"])
    if not rows.update(name=event.before["name"]):
        raise Stays("It has another name by now.")
    return ""


NAMES_IMPORT = ImportKind(
    key="names",
    name="names_import",
    model=NamesImport,
    work="tests.imports.made_up.kind.run",
    event="names.import",
    action=Action.EDIT_CATALOGUE,
    labels=("Check of names", "Import of names", "Undo check of names", "Undo of names"),
    form=NamesForm,
    uploads={"file": ("file", "names-imports/{}")},
    summary=NamesSummary,
    address="catalogue/import-names",
    parent="portal:catalogue",
    parent_title="Catalogue",
    buttons=("portal:catalogue",),
    title="Import names",
    lead="Gives buckets other names.",
    help={"columns": NAMES},
    samples=(
        SampleFile(
            "sample",
            "names",
            Sample(NAMES, ({"bucket": "Old", "new_name": "New"},)),
            {"csv": "Sample of names"},
        ),
    ),
    undoers={"bucket.named_by_table": "tests.imports.made_up.kind.restore"},
)
