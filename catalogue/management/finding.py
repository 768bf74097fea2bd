"""Finds what the options of a command name."""

from __future__ import annotations

from django.core.management import CommandError

from catalogue.models import Bucket


def find_bucket(name: str) -> Bucket:
    """Return the bucket of that name or id. Raises ``CommandError`` if there is none."""
    rows = Bucket.objects.present()
    bucket = rows.filter(name=name).first()
    if bucket is None and name.isdecimal():
        bucket = rows.filter(pk=name).first()
    if bucket is None:
        names = ", ".join(f"{row.pk} {row.name}" for row in rows[:20])
        raise CommandError(f"No bucket '{name}'. There are: {names}.")
    return bucket
