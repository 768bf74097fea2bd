import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0022_partitions"),
        ("dedup", "0006_plain_labels"),
    ]

    operations = [
        migrations.AlterField(
            model_name="pairlink",
            name="audio_one",
            field=models.CharField(
                blank=True,
                default="",
                max_length=64,
                verbose_name="audio of the first recording",
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="audio_other",
            field=models.CharField(
                blank=True,
                default="",
                max_length=64,
                verbose_name="audio of the second recording",
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="coverage_one",
            field=models.FloatField(
                default=0, verbose_name="shared part of the first recording"
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="coverage_other",
            field=models.FloatField(
                default=0, verbose_name="shared part of the second recording"
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="one",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.recording",
                verbose_name="first recording",
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="other",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.recording",
                verbose_name="second recording",
            ),
        ),
        migrations.AlterField(
            model_name="pairlink",
            name="pitch_cents",
            field=models.FloatField(default=0, verbose_name="pitch (cents)"),
        ),
    ]
