"""Work of this package that runs in a worker: thin, it takes ids only."""

from __future__ import annotations

from django_tasks import task

from common.queue import worker_name
from scanning import callback_processing, pipeline, renditions, retro_pipeline
from scanning.models import Scan


@task()
def run_scan(scan_id: int) -> None:
    """Run one scan; one that is already taken is left alone."""
    if pipeline.run_scan(scan_id=scan_id, owner=worker_name()):
        render_file.enqueue(Scan.objects.get(pk=scan_id).scanned_file_id)


@task()
def process_callback(callback_id: int) -> None:
    """Apply one callback; one that is already applied is left alone."""
    callback_processing.let_burst_pass(callback_id=callback_id)
    callback_processing.process(callback_id=callback_id)


@task(priority=-20)
def run_retro_search(search_id: int) -> None:
    """Look at files for a while; what is left waits behind all other work."""
    if retro_pipeline.run_slice(search_id=search_id, owner=worker_name()):
        run_retro_search.enqueue(search_id)


@task(priority=-10)
def render_file(scanned_file_id: int) -> None:
    """Make what a browser can play of a scanned file."""
    renditions.render_scanned_file(scanned_file_id=scanned_file_id)
