"""A segment names its sound track if that is not the main one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scanning", "0005_day_and_territory")]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="track",
            field=models.PositiveSmallIntegerField(null=True),
        ),
    ]
