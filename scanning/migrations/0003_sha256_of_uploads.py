from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("scanning", "0002_seal_secrets"),
    ]

    operations = [
        migrations.AddField(
            model_name="resumableupload",
            name="sha256",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
    ]
