"""Creates files, scans, detections and matches from results of another program.

A known file, by the service's id or else by its name, gets a new scan only if its
result differs. An interrupted import can therefore be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

import base.audit.services
from base.accounts.models import User
from base.common.databases import violates
from base.common.storage import display_name, local_path
from imports.kinds import Columns
from imports.models import ResultImport
from imports.results.found import NO_RESULT, READY, FoundFile, ResultFault
from imports.results.reading import read
from scanning import ending, results
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    EngineChoice,
    FileStatus,
    NoMatchReason,
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
class ResultSummary:
    """The outcome of an import, or of its check."""

    files: int = 0
    added: int = 0
    rescanned: int = 0
    unchanged: int = 0
    refused: int = 0
    without_match: int = 0
    recordings: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def refuse(self, fault: ResultFault) -> None:
        """Count an invalid entry; the first ones are stored for display."""
        self.refused += 1
        if len(self.faults) < SHOWN:
            self.faults.append(asdict(fault))


@dataclass(frozen=True, slots=True)
class ResultImporter:
    """Imports files into a container; ``dry`` only counts."""

    container: Container
    user: User | None
    source: str
    dry: bool
    heartbeat: Callable[[], None]
    _answers: dict[str, str] = field(default_factory=dict)
    """Results that a dry run would have stored, by id or name, to count repeats."""

    def run(self, files: Iterable[FoundFile | ResultFault]) -> ResultSummary:
        """Import the files one by one; a refused file does not affect the others."""
        summary = ResultSummary()
        for file in files:
            if isinstance(file, ResultFault):
                summary.refuse(file)
                continue
            summary.files += 1
            try:
                self._take(file, summary)
            except IntegrityError as error:
                summary.refuse(_overtaken(error, file))
            self.heartbeat()
        return summary

    def _take(self, exported: FoundFile, summary: ResultSummary) -> None:
        answer = digest(exported.state, exported.results)
        stored = self._find_file(exported)
        if stored is not None and stored.container_id != self.container.pk:
            message = gettext("%(name)s is already in the container %(name2)s.") % {
                "name": exported.name,
                "name2": stored.container.name,
            }
            summary.refuse(ResultFault(exported.line, "id", message))
            return
        key = exported.remote_id or f"name:{_name(exported)}"
        planned = self._answers.get(key)
        if planned == answer or (planned is None and _has_answer(stored, answer)):
            summary.unchanged += 1
            return
        if (
            stored is not None
            and stored.scans.filter(
                engine=EngineChoice.ACRCLOUD, status__in=ACTIVE_SCAN_STATUSES
            ).exists()
        ):
            summary.refuse(_is_scanned(exported))
            return
        if exported.state == NO_RESULT:
            summary.without_match += 1
        summary.recordings += len({item.acrid for item in read_items(exported.results)})
        is_known = stored is not None or planned is not None
        summary.rescanned += is_known
        summary.added += not is_known
        if self.dry:
            self._answers[key] = answer
        else:
            self._store(exported, stored, answer)

    def _find_file(self, exported: FoundFile) -> ScannedFile | None:
        files = ScannedFile.objects.present()
        if exported.remote_id:
            return files.filter(remote_id=exported.remote_id).first()
        # Names repeat, so only imported files count, not uploads of that name.
        named = files.filter(container=self.container, name=_name(exported))
        return named.filter(platform_facts__imported=True).order_by("pk").first()

    @transaction.atomic
    def _store(self, exported: FoundFile, stored: ScannedFile | None, answer: str) -> None:
        file = stored or self._new_file(exported)
        scan = Scan.objects.create(
            scanned_file=file,
            engine=EngineChoice.ACRCLOUD,
            requested_by=self.user,
            status=ScanStatus.RUNNING,
            started_at=datetime.now(tz=UTC),
        )
        base.audit.services.record(
            case=f"file:{file.uid}",
            action="results.imported",
            actor=self.user or base.audit.services.SYSTEM,
            after={"scan": scan.uid, "from": self.source, "state": exported.state},
        )
        origin = gettext("Imported from %(source)s") % {"source": self.source}
        if exported.scanned_at:
            origin += gettext("; ACRCloud's result is from %(scanned_at)s") % {
                "scanned_at": exported.scanned_at
            }
        if exported.state not in (READY, NO_RESULT):
            Scan.objects.filter(pk=scan.pk).update(
                engine_version=ENGINE_VERSION, result_sha256=answer
            )
            failure = ScanFailed(
                "acrcloud_error",
                gettext("ACRCloud could not scan %(name)s (state %(state)s). %(origin)s.")
                % {"name": file.name, "state": exported.state, "origin": origin},
            )
            ending.store_failure(scan=scan, failure=failure)
            return
        result = engine_result(exported.results, answer)
        partly = any(interval["kind"] == "not_scanned" for interval in exported.unmatched)
        result = replace(
            result,
            engine_version=ENGINE_VERSION,
            unmatched=tuple(exported.unmatched),
            warnings=(f"{origin}.", *result.warnings),
            no_match_reason=NoMatchReason.PARTIAL_SCAN
            if partly and not result.found
            else result.no_match_reason,
        )
        results.store_result(scan=scan, result=result)

    def _new_file(self, exported: FoundFile) -> ScannedFile:
        file = ScannedFile.objects.create(
            container=self.container,
            name=_name(exported),
            source_type=SourceType.LINK if exported.url else SourceType.FILE,
            source_url=exported.url,
            remote_id=exported.remote_id,
            length_ms=exported.duration_ms,
            tags=[TAG],
            platform_facts={"imported": True, "imported_from": self.source},
            status=FileStatus.PROCESSING,
            uploaded_by=self.user,
        )
        if exported.came_at is not None:
            file.created_at = exported.came_at
            file.save(update_fields=["created_at"])
        base.audit.services.record(
            case=f"file:{file.uid}",
            action="file.submitted",
            actor=self.user or base.audit.services.SYSTEM,
            after={
                "name": file.name,
                "container": file.container_id,
                "imported_from": self.source,
                "url": file.source_url,
            },
        )
        return file


def _has_answer(file: ScannedFile | None, answer: str) -> bool:
    if file is None:
        return False
    scans = file.scans.filter(engine=EngineChoice.ACRCLOUD)
    newest = scans.exclude(status=ScanStatus.CANCELLED).order_by("-pk").first()
    return newest is not None and newest.result_sha256 == answer


def _overtaken(error: IntegrityError, exported: FoundFile) -> ResultFault:
    """Return what somebody else began meanwhile; raise any other error."""
    if violates(error, Scan, "scan_one_active_per_engine"):
        return _is_scanned(exported)
    if violates(error, ScannedFile, "scanned_file_remote_id_unique"):
        message = gettext("%(name)s was added meanwhile; import it again.")
        return ResultFault(exported.line, "id", message % {"name": exported.name})
    raise error


def _is_scanned(exported: FoundFile) -> ResultFault:
    message = gettext("%(name)s is being scanned; import it again later.")
    return ResultFault(exported.line, "", message % {"name": exported.name})


def _name(exported: FoundFile) -> str:
    return display_name(exported.name, otherwise=gettext("imported file"))


def run(import_: ResultImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the file, or only check it; return the columns with the outcome."""
    task = ResultImporter(
        container=import_.container,
        user=import_.made_by,
        source=import_.file_name,
        dry=dry,
        heartbeat=heartbeat,
    )
    with local_path(import_.file) as path:
        files = read(path, name=import_.file_name, heartbeat=heartbeat)
        return {"summary": asdict(task.run(files))}
