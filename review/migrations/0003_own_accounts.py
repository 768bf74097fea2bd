"""Makes the one allow-list that is always there: the installation's own accounts."""

from __future__ import annotations

from django.db import migrations


def make_own_accounts(apps, schema_editor):
    licence = apps.get_model("review", "Licence")
    licence.objects.get_or_create(
        built_in=True,
        defaults={
            "uid": "l_OWN_ACCOUNTS",
            "holder": "Own accounts",
            "scope": "all",
            "use_kind": "account",
            "active": True,
        },
    )


class Migration(migrations.Migration):
    dependencies = [("review", "0002_licences")]

    operations = [migrations.RunPython(make_own_accounts, migrations.RunPython.noop)]
