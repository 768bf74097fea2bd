"""Builds an evidence pack in the worker: claim, read, write, seal, store.

Files are written to a temporary folder and the sealed ZIP is moved into place last, so
an interruption leaves no half pack.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction

import audit.services
from common.leases import NO_LEASE, claim, lease_end, tried_again
from common.storage import FileOnDisk, StoredFile, keep_file, scratch_directory
from reports.evidence import facts as reading
from reports.evidence import sealing, signing
from reports.evidence.errors import PackCancelled
from reports.models import EvidencePack, PackStatus

logger = logging.getLogger(__name__)

KIND = "evidence"
_RENEW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sealed:
    """The stored pack, with its last event and its signing key."""

    stored: StoredFile
    as_of: int
    key_id: str


def run(*, pack_id: int, owner: str) -> None:
    """Build a queued pack; ignore it if it is not queued."""
    claimed = claim(
        EvidencePack.objects.filter(pk=pack_id, status=PackStatus.QUEUED),
        kind=KIND,
        owner=owner,
        status=PackStatus.BUILDING,
    )
    if not claimed:
        return
    pack = EvidencePack.objects.get(pk=pack_id)
    mine = EvidencePack.objects.filter(
        pk=pack_id, status=PackStatus.BUILDING, lease_owner=owner
    )
    try:
        # Expected failures end the pack at once, as a retry would fail alike.
        with tried_again(mine, expected=(PackCancelled, signing.KeyUnusable, OSError)):
            made = _build(pack, owner)
    except PackCancelled:
        logger.info("evidence pack %s was cancelled or is another worker's", pack.uid)
    except signing.KeyUnusable as error:
        _fail(pack, owner, str(error))
    except OSError as error:
        logger.exception("evidence pack %s failed", pack.uid)
        _fail(pack, owner, _reason(error))
    else:
        _finish(pack, owner, made)


def _build(pack: EvidencePack, owner: str) -> Sealed:
    # Imported late: the PDF libraries take half a second, and few processes need them.
    from reports.evidence.assembly import assemble

    report = _reporter(pack, owner)
    facts = reading.gather(match_id=pack.match_id)
    name = f"evidence/{pack.uid}.zip"
    with scratch_directory() as scratch:
        folder, target = scratch / "pack", scratch / "pack.zip"
        folder.mkdir()
        assemble(
            facts,
            folder,
            with_reference=pack.with_reference_clips,
            key_id=signing.public_key().key_id,
            report=report,
        )
        key_id = sealing.seal(folder, target, about=_about(facts))
        # An interrupted attempt may have left a file with this name.
        default_storage.delete(name)
        with FileOnDisk(target, "pack.zip") as file:
            return Sealed(keep_file(file, name), facts.as_of.sequence, key_id)


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


def _reporter(pack: EvidencePack, owner: str) -> Callable[[float], None]:
    """Return a function that renews the lease, writes progress and notices a cancel."""
    last = monotonic() - _RENEW_SECONDS

    def report(share: float) -> None:
        nonlocal last
        # Decoders report many times a second; the database must not hear it.
        if monotonic() - last < _RENEW_SECONDS:
            return
        last = monotonic()
        still_ours = EvidencePack.objects.filter(
            pk=pack.pk, status=PackStatus.BUILDING, lease_owner=owner
        ).update(lease_until=lease_end(), progress=min(99, round(100 * share)))
        if not still_ours:
            raise PackCancelled

    return report


@transaction.atomic
def _finish(pack: EvidencePack, owner: str, made: Sealed) -> None:
    ended = _end(
        pack,
        owner,
        status=PackStatus.READY,
        progress=100,
        file=made.stored.name,
        size_bytes=made.stored.size_bytes,
        sha256=made.stored.sha256,
        as_of=made.as_of,
        key_id=made.key_id,
    )
    # Cancelled at the last moment: nobody knows the file.
    if not ended:
        default_storage.delete(made.stored.name)
        return
    audit.services.record(
        case=pack.case,
        action="evidence.built",
        after={
            "match": pack.match.uid,
            "as_of": made.as_of,
            "sha256": made.stored.sha256,
            "key_id": made.key_id,
        },
    )


@transaction.atomic
def _fail(pack: EvidencePack, owner: str, message: str) -> None:
    if _end(pack, owner, status=PackStatus.FAILED, message=message[:500]):
        audit.services.record(
            case=pack.case, action="evidence.failed", after={"message": message[:500]}
        )


def _end(pack: EvidencePack, owner: str, **columns: object) -> int:
    return EvidencePack.objects.filter(
        pk=pack.pk, status=PackStatus.BUILDING, lease_owner=owner
    ).update(finished_at=datetime.now(tz=UTC), **NO_LEASE, **columns)


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "The disk is full, so no pack was stored. Free some "
            "space and request a new pack."
        )
    return f"The pack could not be written: {error.strerror or error}."
