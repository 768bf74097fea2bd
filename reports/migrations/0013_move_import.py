"""The model belongs to the app imports now; its table stays."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Forget the model; imports.0001 knows it from then on."""

    dependencies = [("reports", "0012_drop_columns_of_report_deliveries")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("ResultImport")]
        )
    ]
