"""A check of the catalogue is one of every bucket: it never had one of its own."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dedup", "0002_links_actions_and_checks")]

    operations = [migrations.RemoveField(model_name="cataloguecheck", name="bucket")]
