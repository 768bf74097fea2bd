"""Seals the secrets that deliveries of schedules are signed with."""

from django.db import migrations, models

from common.secret_text import seal


def seal_secrets(apps, schema_editor):
    """Encrypt each secret into its new column."""
    rows = apps.get_model("reports", "ReportSchedule")._base_manager
    for pk, plain in rows.exclude(signing_secret="").values_list("pk", "signing_secret"):
        rows.filter(pk=pk).update(signing_secret_sealed=seal(plain))


class Migration(migrations.Migration):

    dependencies = [
        ("reports", "0001_version_1"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportschedule",
            name="signing_secret_sealed",
            field=models.TextField(blank=True, default=""),
        ),
        # Going back makes new secrets: the earlier columns are too short for sealed ones.
        migrations.RunPython(seal_secrets, migrations.RunPython.noop),
        migrations.RemoveField(model_name="reportschedule", name="signing_secret"),
    ]
