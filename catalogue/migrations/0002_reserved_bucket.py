"""Reserve bucket 23 for the catalogue that the wire protocol knows by that number."""

from django.db import migrations


def reserve(apps, schema_editor):
    apps.get_model("catalogue", "Bucket").objects.get_or_create(
        pk=23, defaults={"name": "ACRCloud Music"}
    )


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]
    operations = [migrations.RunPython(reserve, migrations.RunPython.noop)]
