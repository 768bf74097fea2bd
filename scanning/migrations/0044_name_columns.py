from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scanning", "0043_partition_searches"),
    ]

    operations = [
        migrations.AlterField(
            model_name="scan",
            name="no_match_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("clean_scan", "Clean scan"),
                    ("below_floor", "Below floor"),
                    ("silence", "Silence"),
                    ("speech_only", "Speech only"),
                    ("too_short", "Too short"),
                    ("partial_scan", "Partly scanned"),
                ],
                default="",
                max_length=40,
                verbose_name="reason for no match",
            ),
        ),
    ]
