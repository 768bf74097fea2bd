"""Matches that exclusions cover wholly count nothing; people check for speech."""

from decimal import Decimal

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def count_nothing(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write 0 for the matches whose figures ignored the exclusions."""
    matches = apps.get_model("review", "Match")._base_manager
    covered = matches.filter(wholly_excluded=True)
    covered.update(matched_ms=0, longest_ms=0, source_coverage_pct=Decimal(0))
    covered.filter(reference_coverage_pct__isnull=False).update(
        reference_coverage_pct=Decimal(0)
    )


class Migration(migrations.Migration):
    dependencies = [("review", "0001_version_1")]

    operations = [
        migrations.AlterField(
            model_name="match",
            name="wholly_excluded",
            field=models.BooleanField(
                default=False,
                help_text="Exclusions cover the whole match, so that none of it counts.",
            ),
        ),
        migrations.AddField(
            model_name="match",
            name="speech_checked",
            field=models.BooleanField(
                default=False,
                help_text=(
                    "A person listened and said whether speech lies over most of it."
                ),
            ),
        ),
        migrations.RemoveConstraint(model_name="match", name="match_lengths_ordered"),
        migrations.RunPython(count_nothing, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="match",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    wholly_excluded=False,
                    longest_ms__gt=0,
                    matched_ms__gte=models.F("longest_ms"),
                )
                | models.Q(wholly_excluded=True, longest_ms=0, matched_ms=0),
                name="match_lengths_ordered",
            ),
        ),
    ]
