from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("streams", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="stream",
            name="alarm_emails",
            field=models.JSONField(
                blank=True, default=list, verbose_name="email addresses"
            ),
        ),
        migrations.AlterField(
            model_name="stream",
            name="quiet_from",
            field=models.TimeField(blank=True, null=True, verbose_name="no email from"),
        ),
        migrations.AlterField(
            model_name="stream",
            name="quiet_until",
            field=models.TimeField(
                blank=True, null=True, verbose_name="no email until"
            ),
        ),
        migrations.AlterField(
            model_name="stream",
            name="state_at",
            field=models.DateTimeField(
                blank=True, null=True, verbose_name="in this state since"
            ),
        ),
    ]
