"""Builds an evidence pack in the worker: read, write, seal, store.

Files are written to a temporary folder and the sealed ZIP is moved into place last, so
an interruption leaves no half pack.
"""

from __future__ import annotations

import errno
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction

import audit.services
from common.storage import FileOnDisk, scratch_directory, sha256_of
from jobs.context import JobContext
from jobs.errors import Failed
from reports.evidence import facts as reading
from reports.evidence import sealing, signing
from reports.models import EvidencePack

logger = logging.getLogger(__name__)


def run(context: JobContext) -> None:
    """Build a pack."""
    try:
        with scratch_directory() as scratch:
            _build(context, scratch)
    # Expected failures end the pack at once, as a retry would fail alike.
    except signing.KeyUnusable as error:
        raise Failed("no_signing_key", str(error)) from error
    except OSError as error:
        logger.exception("evidence pack %s failed", context.subject.uid)
        raise Failed("not_written", _reason(error)) from error


def _build(context: JobContext, scratch: Path) -> None:
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.evidence.assembly import assemble

    pack: EvidencePack = context.subject
    facts = reading.gather(match_id=pack.match_id)
    folder, target = scratch / "pack", scratch / "pack.zip"
    folder.mkdir()
    assemble(
        facts,
        folder,
        with_reference=pack.with_reference_clips,
        key_id=signing.public_key().key_id,
        report=context.report,
    )
    key_id = sealing.seal(folder, target, about=_about(facts))
    with FileOnDisk(target, "pack.zip") as file:
        file.sha256 = sha256_of(file)
        _finish(context, file, as_of=facts.as_of.sequence, key_id=key_id)


def _finish(context: JobContext, file: FileOnDisk, *, as_of: int, key_id: str) -> None:
    pack: EvidencePack = context.subject
    name = f"evidence/{pack.uid}.zip"
    with transaction.atomic():
        context.finish(
            file=name,
            size_bytes=file.size,
            sha256=file.sha256,
            as_of=as_of,
            key_id=key_id,
            finished_at=datetime.now(tz=UTC),
        )
        # Only now the job is surely ours: an interrupted attempt may have left a file
        # with this name, but another worker's pack is not touched.
        default_storage.delete(name)
        default_storage.save(name, file)
        audit.services.record(
            case=pack.case,
            action="evidence.built",
            after={
                "match": pack.match.uid,
                "as_of": as_of,
                "sha256": file.sha256,
                "key_id": key_id,
            },
        )


def _about(facts: reading.CaseFacts) -> dict[str, Any]:  # Any: JSON
    scan, last = facts.match.scan, facts.as_of
    return {
        "match_id": facts.match.uid,
        "as_of": {
            "event": last.sequence,
            "at": last.at.isoformat(),
            "event_hash": last.hash,
        },
        "engine": scan.engine,
        "engine_version": scan.engine_version,
    }


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "The disk is full, so no pack was stored. Free some "
            "space and request a new pack."
        )
    return f"The pack could not be written: {error.strerror or error}."
