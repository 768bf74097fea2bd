"""Builds an evidence pack in the worker: read, write, seal, store.

Files are written to a temporary folder and the sealed ZIP is moved into place last, so
an interruption leaves no half pack.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.core.files.storage import default_storage
from django.db import transaction

import base.audit.services
from base.common.storage import FileOnDisk, StoredFile, keep_file, scratch_directory
from base.jobs.context import JobContext
from base.jobs.errors import Blocked
from reports.evidence import facts as reading
from reports.evidence import sealing, signing
from reports.evidence.digests import facts_today
from reports.evidence.models import EvidencePack
from reports.evidence.statement import issue_built
from statements.kinds import Fact


def run(context: JobContext) -> None:
    """Build a pack."""
    try:
        with scratch_directory() as scratch:
            _build(context, scratch)
    except signing.KeyUnusable as error:
        # It was here when the job began, and waits for it again.
        raise Blocked(signing.SIGNING_KEY) from error


def _build(context: JobContext, scratch: Path) -> None:
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.evidence.assembly import assemble

    pack: EvidencePack = context.subject
    # First: what changes until the facts are read makes the pack stale, never current.
    fact = facts_today([pack.match_id])[pack.match_id]
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
    scan, last = facts.match.scan, facts.as_of
    about = {
        "match_id": facts.match.uid,
        "as_of": {"event": last.sequence, "at": last.at.isoformat(), "event_hash": last.hash},
        "engine": scan.engine,
        "engine_version": scan.engine_version,
    }
    key_id = sealing.seal(folder, target, about=about)
    with FileOnDisk(target, "pack.zip") as file:
        stored = keep_file(file, f"evidence/{pack.uid}.zip")
    _finish(context, stored, as_of=last.sequence, key_id=key_id, fact=fact)


def _finish(
    context: JobContext, stored: StoredFile, *, as_of: int, key_id: str, fact: Fact
) -> None:
    pack: EvidencePack = context.subject
    try:
        with transaction.atomic():
            context.finish(
                file=stored.name,
                size_bytes=stored.size_bytes,
                sha256=stored.sha256,
                as_of=as_of,
                statement=issue_built(pack=pack, fact=fact),
                key_id=key_id,
                finished_at=datetime.now(tz=UTC),
            )
            base.audit.services.record(
                case=pack.case,
                action="evidence.built",
                after={
                    "match": pack.match.uid,
                    "as_of": as_of,
                    "sha256": stored.sha256,
                    "key_id": key_id,
                },
            )
    except BaseException:
        # Nobody knows this file; that of another worker has another name.
        default_storage.delete(stored.name)
        raise
    # An interrupted attempt may have left its file.
    if stored.name != f"evidence/{pack.uid}.zip":
        default_storage.delete(f"evidence/{pack.uid}.zip")
