"""The model belongs to the app imports now; its table stays."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Forget the model; imports.0001 knows it from then on."""

    dependencies = [("catalogue", "0016_recordings_without_leases")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("CatalogueImport")]
        )
    ]
