from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0016_takedown_notices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reportrun",
            name="files_without",
            field=models.CharField(
                choices=[
                    ("all", "All, including unfinished and failed scans"),
                    ("finished", "Only those with a finished scan"),
                    ("none", "No files"),
                ],
                default="all",
                max_length=8,
                verbose_name="files without matches",
            ),
        ),
        migrations.AlterField(
            model_name="reportschedule",
            name="send_unchanged",
            field=models.BooleanField(
                default=False, verbose_name="send unchanged reports too"
            ),
        ),
        migrations.AlterField(
            model_name="reporttemplate",
            name="files_without",
            field=models.CharField(
                choices=[
                    ("all", "All, including unfinished and failed scans"),
                    ("finished", "Only those with a finished scan"),
                    ("none", "No files"),
                ],
                default="all",
                max_length=8,
                verbose_name="files without matches",
            ),
        ),
    ]
