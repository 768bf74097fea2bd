"""Makes the table in which signatures of identification calls are remembered."""

from django.core.management import call_command
from django.db import migrations


def make_cache_table(apps, schema_editor):
    """Make the tables of caches that are missing."""
    call_command(
        "createcachetable", database=schema_editor.connection.alias, verbosity=0
    )


class Migration(migrations.Migration):

    dependencies = [
        ("acrapi", "0001_version_1"),
    ]

    operations = [
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
    ]
