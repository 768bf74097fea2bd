from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_release")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True,
                help_text="Empty for that of the browser.",
                max_length=64,
                verbose_name="time zone",
            ),
        ),
    ]
