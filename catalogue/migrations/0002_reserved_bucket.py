"""Reserve bucket 23 and let own bucket ids begin at 1001."""

from django.db import migrations

from common.sequences import begin_ids_at


def reserve(apps, schema_editor):
    begin_ids_at(schema_editor, "catalogue_bucket", 1001)
    apps.get_model("catalogue", "Bucket").objects.get_or_create(
        pk=23, defaults={"name": "ACRCloud Music"}
    )


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunPython(reserve, migrations.RunPython.noop)]
