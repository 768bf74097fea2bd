"""Each person's choice of a time zone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_list_columns")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True,
                help_text="Empty for the portal's.",
                max_length=64,
                verbose_name="time zone",
            ),
        )
    ]
