"""``manage.py run_demo``: scans the demo audio, prints the matches, serves the portal."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from base.accounts.models import User
from base.common.children import Child, Stop, end_children, start_child, stop_on_signals
from base.common.reading import read_clock
from catalogue.models import Bucket, RecordingStatus
from catalogue.rebuilding import needs_rebuild
from reports.evidence import selectors, signing
from reports.files import save_report
from reports.layouts import Layout
from reports.services import build_report
from review.counting import EDGE_MS
from review.timeline import timeline
from scanning.choices import ACTIVE_FILE_STATUSES
from scanning.models import ScannedFile
from web.portal.files.page import segment_rows
from web.portal.management import demo
from web.portal.management.commands import serve
from web.portal.management.ports import require_free_port
from web.portal.shared import formats

_POLL_SECONDS = 0.3
_STUCK_SECONDS = 600


class Command(BaseCommand):
    """Sets up the demo, scans it, prints matches, writes a report and serves."""

    help = "Set up the demo, scan its programmes, print the matches, serve the portal."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="Exit after the report.")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run and print every step."""
        if not options["no_serve"]:
            require_free_port(serve.HOST, options["port"])
        # Otherwise the worker's log lines hide the printed matches and logins.
        os.environ.setdefault("LOG_LEVEL", "ERROR")
        self._say("Preparing the database")
        call_command("migrate", verbosity=0)
        # Whoever tries the demo signs in with the printed passwords alone, also later.
        no_second_factor = demo.ask_for_passwords_only()
        logins = demo.ensure_users()
        admin = User.objects.get(username="admin")
        if not selectors.can_be_signed():
            signing.create_key()
        self._say("Compiling the engine (slow only the first time)")
        if start_child("-m", "recognition.warm").wait():
            raise CommandError("The engine could not be compiled; see above.")
        if needs_rebuild():
            self._say("The engine has changed: rebuilding the index")
            call_command("rebuild_index", stdout=self.stdout)
        bucket = demo.ensure_catalogue(admin)
        with _worker() as polls:
            self._wait_for_catalogue(bucket, polls)
            programmes = demo.ensure_programmes(demo.ensure_container(bucket, admin), admin)
            self._wait_for_scans(programmes, polls)
        self._print_matches(programmes)
        target = settings.ACRPORTAL_DATA_DIR / "demo" / "match-report.csv"
        run = build_report(layout=Layout(), user="command:run_demo", name="Demo")
        save_report(run=run, target=target)
        self._say(f"\nMatch report: {target} ({run.row_count} rows)")
        if options["no_serve"]:
            return
        self._say("Logins (created for this installation):")
        for login in logins:
            self._say(f"  {login.username:<8} {login.password:<14} {login.role}")
        if no_second_factor:
            self._say(
                f"The demo asks nobody for a second factor: {demo.stored_settings()} "
                f"empties {demo.ROLES}."
            )
        call_command("serve", port=options["port"], stdout=self.stdout)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _wait_for_catalogue(self, bucket: Bucket, polls: Iterator[None]) -> None:
        total = bucket.recordings.count()
        open_ones = bucket.recordings.filter(
            status__in=[RecordingStatus.WAITING, RecordingStatus.PROCESSING]
        )
        last = -1
        for _ in polls:
            done = total - open_ones.count()
            if done != last:
                self._say(f"Fingerprinting the catalogue: {done} of {total}")
                last = done
            if done == total:
                return

    def _wait_for_scans(self, programmes: list[ScannedFile], polls: Iterator[None]) -> None:
        ids = [file.pk for file in programmes]
        seen: dict[int, str] = {}
        for _ in polls:
            files = list(ScannedFile.objects.filter(pk__in=ids))
            for file in files:
                if seen.get(file.pk) != file.status:
                    self._say(f"{file.name}: {file.get_status_display().lower()}")
                    seen[file.pk] = file.status
            if not any(file.status in ACTIVE_FILE_STATUSES for file in files):
                return

    def _print_matches(self, programmes: Iterable[ScannedFile]) -> None:
        for file in programmes:
            file.refresh_from_db()
            length = read_clock(file.length_ms)
            self._say(f"\n{file.name} ({length})")
            self._say(
                f"  {'from':>9} – {'to':>9}  {'recording':<32}"
                f"{'reference at':>13}{'speed':>9}{'score':>7}"
            )
            line = timeline(file)
            for recording, counted in segment_rows(line.matches):
                segment = counted.segment
                self._say(
                    f"  {read_clock(counted.start_ms, digits=3):>9} – "
                    f"{read_clock(counted.end_ms, digits=3):>9}  "
                    f"{recording.full_title:<32}"
                    f"{read_clock(segment.reference_start_ms, digits=3):>13}"
                    f"{formats.speed(float(segment.tempo_ratio or 1)):>9}"
                    f"{float(segment.score or 0):>7.1f}"
                )
            for piece in line.pieces:
                # Edges are inexact: what lies between two pieces is no sound of its own.
                if not piece.matches and piece.length_ms >= EDGE_MS:
                    self._say(
                        f"  {read_clock(piece.start_ms, digits=3):>9} – "
                        f"{read_clock(piece.end_ms, digits=3):>9}  "
                        f"({piece.kind.label.lower()})"
                    )


@contextmanager
def _worker() -> Iterator[Iterator[None]]:
    """Run a worker in the block, which takes the polls of ``_until_done``."""
    with stop_on_signals() as stop:
        worker = start_child("manage.py", "worker")
        try:
            yield _until_done(worker, stop)
        finally:
            end_children([worker])


def _until_done(worker: Child, stop: Stop) -> Iterator[None]:
    """Yield at every poll; raise ``CommandError`` if it must end before the work is done."""
    give_up = time.monotonic() + _STUCK_SECONDS
    while time.monotonic() < give_up:
        yield
        if stop.requested:
            raise CommandError("Stopped. Run the demo again: it continues from here.")
        if worker.poll() is not None:
            raise CommandError(
                f"The worker ended with code {worker.returncode}; see its messages "
                "above, then run the demo again: it continues where it stopped."
            )
        time.sleep(_POLL_SECONDS)
    raise CommandError("The demo did not finish in time; run it again to continue.")
