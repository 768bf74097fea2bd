"""Keeps what people took out or split off before out of the next imports, too."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SPLIT, REMOVED = "rights.split", "rights.recording_removed"


def keep_off(apps: Any, _schema: BaseDatabaseSchemaEditor) -> None:
    """Read the events. Any: historical apps."""
    work_rows = apps.get_model("rights", "Work")._base_manager
    owners = {
        "work": work_rows,
        "release": apps.get_model("rights", "Release")._base_manager,
    }
    recordings = apps.get_model("rights", "RightsRecording")._base_manager
    events = apps.get_model("audit", "Event")._base_manager
    rows = events.filter(action__in=[SPLIT, REMOVED]).order_by("pk")
    for case, after in rows.values_list("case", "after").iterator():
        kind, _colon, uid = case.partition(":")
        row = owners[kind].filter(uid=uid).first() if kind in owners else None
        if row is None:
            continue
        taken = recordings.filter(uid=after.get("recording", ""))
        if "second" in after:
            # An undone split is merged again.
            second = work_rows.filter(uid=after["second"], merged_into=None)
            taken = recordings.filter(works__in=second)
        there = set(row.recordings.values_list("pk", flat=True))
        row.kept_off.add(*(each for each in taken if each.pk not in there))


class Migration(migrations.Migration):
    """Adds the two relations."""

    dependencies = [
        ("rights", "0003_share_numbers"),
        ("audit", "0006_plain_labels"),
    ]

    operations = [
        migrations.AddField(
            model_name="release",
            name="kept_off",
            field=models.ManyToManyField(
                blank=True,
                editable=False,
                related_name="+",
                to="rights.rightsrecording",
            ),
        ),
        migrations.AddField(
            model_name="work",
            name="kept_off",
            field=models.ManyToManyField(
                blank=True,
                editable=False,
                related_name="+",
                to="rights.rightsrecording",
            ),
        ),
        migrations.RunPython(keep_off, migrations.RunPython.noop, elidable=True),
    ]
