"""The jobs of scanned files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from common.queue import Priority
from jobs import people
from jobs.kinds import Kind, register
from scanning import turns
from scanning.models import Scan, ScannedFile


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


def _people_wait() -> bool:
    return turns.queued_scans().filter(waited_for=True).exists()


def _run_for_people() -> None:
    # Imported late: processes that run nothing load no engine.
    from scanning.tasks import give_way

    give_way(Scan.objects.none())


people.register(_people_wait, _run_for_people)
