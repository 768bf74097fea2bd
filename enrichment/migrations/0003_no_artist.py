from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def rename_value(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    rows = apps.get_model("enrichment", "Suggestion")._base_manager
    rows.using(editor.connection.alias).filter(hold="nobody").update(hold="no_artist")


class Migration(migrations.Migration):

    dependencies = [
        ('enrichment', '0002_own_lists'),
    ]

    operations = [
        migrations.RunPython(rename_value, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='suggestion',
            name='hold',
            field=models.CharField(blank=True, choices=[('weak', 'Length unknown, or similar recordings there'), ('several_there', 'Several recordings there have this code'), ('several_codes', 'Several values there'), ('taken_here', 'Another recording of ours has this ISRC'), ('short', 'Shorter than 30 seconds'), ('untitled', 'The title says little'), ('no_artist', 'No artist, or various artists'), ('partial', 'Part of a work, or a medley'), ('disagree', 'Sources disagree')], default='', max_length=16),
        ),
    ]
