"""Makes scanned files, scans, detections and matches of what another program found.

A file that is there already, by the service's id or else by its name, gets a further
scan only where the result is another: so a stopped import is done again safely.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction

import audit.services
from accounts.models import User
from common.storage import display_name
from reports.foreign.errors import Fault
from reports.foreign.found import NO_RESULT, READY, FoundFile
from scanning import results
from scanning.choices import (
    EngineChoice,
    FileStatus,
    ScanStage,
    ScanStatus,
    SourceType,
)
from scanning.engines.acrcloud_recordings import engine_result
from scanning.engines.acrcloud_results import digest, read_items
from scanning.errors import ScanFailed
from scanning.models import Container, Scan, ScannedFile

ENGINE_VERSION = "acrcloud, imported"
TAG = "imported"
SHOWN = 200


@dataclass(slots=True)
class Summary:
    """What came of an import, or would come of it."""

    files: int = 0
    added: int = 0
    rescanned: int = 0
    unchanged: int = 0
    refused: int = 0
    without_match: int = 0
    recordings: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def refuse(self, fault: Fault) -> None:
        """Count what cannot be taken; the first are kept to be shown."""
        self.refused += 1
        if len(self.faults) < SHOWN:
            self.faults.append(asdict(fault))


@dataclass(frozen=True, slots=True)
class Import:
    """Takes files into a container; ``dry`` only says what would come of it."""

    container: Container
    user: User | None
    source: str
    dry: bool
    heartbeat: Callable[[], None]

    def run(self, found: Iterable[FoundFile | Fault]) -> Summary:
        """Take each file by itself: one that is refused keeps none of the others."""
        summary = Summary()
        for each in found:
            if isinstance(each, Fault):
                summary.refuse(each)
                continue
            summary.files += 1
            try:
                self._take(each, summary)
            except IntegrityError:
                message = f"{each.name} is being scanned; import it again later."
                summary.refuse(Fault(each.line, "", message))
            self.heartbeat()
        return summary

    def _take(self, found: FoundFile, summary: Summary) -> None:
        answer = digest(found.state, found.results)
        known = self._known(found)
        if known is not None and known.container_id != self.container.pk:
            message = (
                f"{found.name} is in the container {known.container.name} already."
            )
            summary.refuse(Fault(found.line, "id", message))
            return
        if known is not None and _has_answer(known, answer):
            summary.unchanged += 1
            return
        if found.state == NO_RESULT:
            summary.without_match += 1
        summary.recordings += len({item.acrid for item in read_items(found.results)})
        summary.rescanned += known is not None
        summary.added += known is None
        if not self.dry:
            self._store(found, known, answer)

    def _known(self, found: FoundFile) -> ScannedFile | None:
        files = ScannedFile.objects.filter(deleted_at__isnull=True)
        if found.remote_id:
            return files.filter(remote_id=found.remote_id).first()
        named = files.filter(container=self.container, name=_name(found))
        return named.filter(platform_facts__imported=True).order_by("pk").first()

    @transaction.atomic
    def _store(self, found: FoundFile, known: ScannedFile | None, answer: str) -> None:
        file = known or self._new_file(found)
        scan = Scan.objects.create(
            scanned_file=file,
            engine=EngineChoice.ACRCLOUD,
            requested_by=self.user,
            status=ScanStatus.RUNNING,
            stage=ScanStage.AWAITING_CALLBACK,
            lease_owner=(owner := f"import:{uuid.uuid4().hex}"),
            started_at=datetime.now(tz=UTC),
        )
        audit.services.record(
            case=f"file:{file.uid}",
            action="results.imported",
            actor=self.user or audit.services.SYSTEM,
            after={"scan": scan.uid, "from": self.source, "state": found.state},
        )
        told = f"Imported from {self.source}"
        if found.scanned_at:
            told += f"; ACRCloud's result is of {found.scanned_at}"
        if found.state not in (READY, NO_RESULT):
            Scan.objects.filter(pk=scan.pk).update(
                engine_version=ENGINE_VERSION, result_sha256=answer
            )
            failure = ScanFailed(
                "acrcloud_error",
                f"ACRCloud could not scan {file.name} (state {found.state}). {told}.",
            )
            results.store_failure(scan=scan, failure=failure, owner=owner)
            return
        result = engine_result(found.results, answer)
        partly = any(span["kind"] == "not_scanned" for span in found.stretches)
        result = replace(
            result,
            engine_version=ENGINE_VERSION,
            stretches=tuple(found.stretches),
            warnings=(f"{told}.",),
            no_match_reason="partial_scan"
            if partly and not result.found
            else result.no_match_reason,
        )
        results.store_result(scan=scan, result=result, owner=owner)

    def _new_file(self, found: FoundFile) -> ScannedFile:
        file = ScannedFile.objects.create(
            container=self.container,
            name=_name(found),
            source_type=SourceType.LINK if found.url else SourceType.FILE,
            source_url=found.url,
            remote_id=found.remote_id,
            duration_ms=found.duration_ms,
            tags=[TAG],
            platform_facts={"imported": True, "imported_from": self.source},
            status=FileStatus.PROCESSING,
            uploaded_by=self.user,
        )
        audit.services.record(
            case=f"file:{file.uid}",
            action="file.submitted",
            actor=self.user or audit.services.SYSTEM,
            after={
                "name": file.name,
                "container": file.container_id,
                "imported_from": self.source,
                "url": file.source_url,
            },
        )
        return file


def _has_answer(file: ScannedFile, answer: str) -> bool:
    scans = file.scans.filter(engine=EngineChoice.ACRCLOUD)
    newest = scans.exclude(status=ScanStatus.CANCELLED).order_by("-pk").first()
    return newest is not None and newest.result_sha256 == answer


def _name(found: FoundFile) -> str:
    return display_name(found.name, otherwise="imported file")
