"""The jobs of scanned files."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

from common.queue import Priority
from jobs import people, resources
from jobs.choices import JobState
from jobs.kinds import Kind, register
from scanning import turns
from scanning.choices import RetroStatus
from scanning.models import RetroSearch, Scan, ScannedFile


def _media_key(file: ScannedFile) -> str:
    return f"{file.pk}:{file.media.name}"[-200:]


RENDITION = register(
    Kind(
        "file_rendition",
        ScannedFile,
        "scanning.renditions.run",
        label=_("Playable copy of a file"),
        priority=Priority.AFTERWARDS,
        key=_media_key,
    )
)


def _end_search(search: RetroSearch, state: JobState, code: str, cause: str) -> None:
    message = "Cancelled."
    if state == JobState.FAILED:
        message = (
            f"Stopped several times at the same file. What was found stays. {cause}"
        )
    RETRO_SEARCH.show(search.pk, state, message, finished_at=datetime.now(tz=UTC))


RETRO_SEARCH = register(
    Kind(
        "retro_search",
        RetroSearch,
        "scanning.retro_pipeline.run",
        label=_("Search in earlier files"),
        priority=Priority.EVERYTHING,
        needs=frozenset({resources.INDEX}),
        mirror={
            JobState.WAITING: RetroStatus.QUEUED,
            JobState.RUNNING: RetroStatus.RUNNING,
            JobState.DONE: RetroStatus.DONE,
            JobState.FAILED: RetroStatus.FAILED,
            JobState.CANCELLED: RetroStatus.CANCELLED,
        },
        cause_field="message",
        on_end=_end_search,
    )
)


def _people_wait() -> bool:
    return turns.queued_scans().filter(waited_for=True).exists()


def _run_for_people() -> None:
    # Imported late: processes that run nothing load no engine.
    from scanning.tasks import give_way

    give_way(Scan.objects.none())


people.register(_people_wait, _run_for_people)
