"""Files in the states that those of the demo do not reach."""

from __future__ import annotations

from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.models import Container, Scan, ScannedFile


def add_files(container: Container) -> None:
    """Make files in the states that demo files do not reach."""
    for state in (FileStatus.NO_MATCH, FileStatus.ERROR, FileStatus.NEEDS_AUDIO):
        file = ScannedFile.objects.create(
            container=container,
            name=f"{state}.wav",
            status=state,
            length_ms=60_000,
            message="" if state == FileStatus.NO_MATCH else "It could not be read.",
        )
        if state == FileStatus.NO_MATCH:
            Scan.objects.create(
                scanned_file=file,
                engine=EngineChoice.EMBEDDED,
                status=ScanStatus.SUCCEEDED,
                no_match_reason="clean_scan",
            )
