"""``manage.py create_project``: creates a key pair for identifying clips."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.models import Bucket
from scanning.services.identification import create_project


class Command(BaseCommand):
    """Creates a project and prints its keys."""

    help = "Create an access key pair for /v1/identify and print key and secret."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--bucket",
            required=True,
            action="append",
            type=int,
            help="Id of a bucket to search for clips; may be repeated.",
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Create the project."""
        buckets = list(Bucket.objects.present().filter(pk__in=options["bucket"]))
        missing = set(options["bucket"]) - {bucket.pk for bucket in buckets}
        if missing:
            raise CommandError(f"There is no bucket {min(missing)}.")
        project = create_project(name=options["name"], buckets=buckets, user=None)
        keys = {"access_key": project.access_key, "access_secret": project.access_secret}
        if options["format"] == "json":
            self.stdout.write(json.dumps(keys))
            return
        for name, value in keys.items():
            self.stdout.write(f"{name}: {value}")
