"""The end of a damaged file counts to its length."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scanning", "0003_sha256_of_uploads")]

    operations = [
        migrations.AddField(
            model_name="scannedfile",
            name="undecoded_ms",
            field=models.BigIntegerField(
                default=0,
                help_text="The announced time at its end that could not be decoded.",
            ),
        ),
    ]
