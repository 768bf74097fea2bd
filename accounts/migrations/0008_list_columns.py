"""Each person's choice of columns in lists."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_user_language")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="list_columns",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="Names of the columns shown, by list; the usual ones if it is missing.",
            ),
        )
    ]
