"""Jobs hold the leases; both imports name their file alike."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Drop what is unused, and rename two columns."""

    dependencies = [("imports", "0002_imports_are_jobs")]
    operations = [
        *(
            migrations.RemoveField(model, name)
            for model in ("catalogueimport", "resultimport")
            for name in ("lease_owner", "lease_until", "attempts", "updated_at")
        ),
        migrations.RenameField("catalogueimport", "table", "file"),
        migrations.RenameField("catalogueimport", "table_name", "file_name"),
    ]
