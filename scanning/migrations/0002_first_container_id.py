"""Let container ids begin at 1001, above the numbers the wire protocol reserves."""

from django.db import migrations

from common.sequences import begin_ids_at


def begin(apps, schema_editor):
    begin_ids_at(schema_editor, "scanning_container", 1001)


class Migration(migrations.Migration):
    dependencies = [("scanning", "0001_initial")]
    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
