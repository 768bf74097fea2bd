"""Give each container that was there before a signing key of its own."""

import base64
import secrets

from django.db import migrations


def renew(apps, schema_editor):
    for container in apps.get_model("scanning", "Container").objects.all():
        container.signing_secret = (
            f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        )
        container.save(update_fields=["signing_secret"])


class Migration(migrations.Migration):
    dependencies = [("scanning", "0003_wire_api")]
    operations = [migrations.RunPython(renew, migrations.RunPython.noop, elidable=True)]
