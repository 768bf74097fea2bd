"""Seals the secrets that projects, containers and cloud accounts kept in the clear."""

from django.db import migrations, models

import scanning.models.cloud_account
import scanning.models.container
import scanning.models.project
from common.secret_text import seal

_COLUMNS = (
    ("Project", "access_secret"),
    ("Container", "signing_secret"),
    ("Container", "callback_secret"),
    ("CloudAccount", "callback_secret"),
)


def seal_secrets(apps, schema_editor):
    """Encrypt each secret into its new column."""
    for model, column in _COLUMNS:
        rows = apps.get_model("scanning", model)._base_manager
        for pk, plain in rows.values_list("pk", column).iterator():
            rows.filter(pk=pk).update(**{f"{column}_sealed": seal(plain)})


class Migration(migrations.Migration):

    dependencies = [
        ("scanning", "0001_version_1"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="access_secret_sealed",
            field=models.TextField(default=scanning.models.project.new_access_secret, editable=False),
        ),
        migrations.AddField(
            model_name="container",
            name="signing_secret_sealed",
            field=models.TextField(default=scanning.models.container.new_signing_secret, editable=False),
        ),
        migrations.AddField(
            model_name="container",
            name="callback_secret_sealed",
            field=models.TextField(default=scanning.models.cloud_account.new_callback_secret, editable=False),
        ),
        migrations.AddField(
            model_name="cloudaccount",
            name="callback_secret_sealed",
            field=models.TextField(default=scanning.models.cloud_account.new_callback_secret, editable=False),
        ),
        # Going back makes new secrets: the earlier columns are too short for sealed ones.
        migrations.RunPython(seal_secrets, migrations.RunPython.noop),
        migrations.RemoveField(model_name="project", name="access_secret"),
        migrations.RemoveField(model_name="container", name="signing_secret"),
        migrations.RemoveField(model_name="container", name="callback_secret"),
        migrations.RemoveField(model_name="cloudaccount", name="callback_secret"),
    ]
