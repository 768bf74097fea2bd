"""Requests, cancels and requeues packs; each step is an event of the pack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

import audit.services
from accounts.models import User
from common.leases import NO_LEASE, give_up
from common.queue import queue_holds_work
from reports.evidence import signing
from reports.evidence.errors import EvidenceRefused
from reports.evidence.tasks import build_pack
from reports.models import EvidencePack, PackStatus
from reports.models.evidence import ACTIVE_PACK_STATUSES
from review.models import Match


def request_pack(
    *, match: Match, user: User, with_reference_clips: bool = True
) -> EvidencePack:
    """Queue a new pack with the match's state at build time.

    Raises ``EvidenceRefused`` without a signing key, or while a pack is being built.
    """
    try:
        # Fail now, while the person can read why, not later in the worker.
        signing.load_key()
    except signing.KeyUnusable as error:
        raise EvidenceRefused("no_signing_key", str(error)) from error
    try:
        with transaction.atomic():
            pack = EvidencePack.objects.create(
                match=match,
                with_reference_clips=with_reference_clips,
                requested_by=user,
            )
            audit.services.record(
                case=pack.case,
                action="evidence.requested",
                actor=user,
                after={"match": match.uid, "reference_clips": with_reference_clips},
            )
            transaction.on_commit(lambda: build_pack.enqueue(pack.pk))
    except IntegrityError as error:
        raise EvidenceRefused(
            "evidence_running",
            "A pack of this match is already being built. Wait for it, or cancel it.",
        ) from error
    return pack


def cancel_pack(*, pack: EvidencePack, user: User) -> bool:
    """Cancel an unfinished pack; tell whether there was one."""
    with transaction.atomic():
        cancelled = EvidencePack.objects.filter(
            pk=pack.pk, status__in=ACTIVE_PACK_STATUSES
        ).update(
            status=PackStatus.CANCELLED, finished_at=datetime.now(tz=UTC), **NO_LEASE
        )
        if cancelled:
            audit.services.record(
                case=pack.case, action="evidence.cancelled", actor=user
            )
    return bool(cancelled)


def try_again(*, pack: EvidencePack, user: User) -> None:
    """Queue a failed pack again, with the match's state at build time.

    Raises ``EvidenceRefused`` if it has not failed, or if another pack is being built.
    """
    try:
        with transaction.atomic():
            failed = EvidencePack.objects.filter(pk=pack.pk, status=PackStatus.FAILED)
            if not failed.update(
                status=PackStatus.QUEUED,
                message="",
                attempts=0,
                progress=0,
                finished_at=None,
            ):
                raise EvidenceRefused("not_given_up", "This pack has not failed.")
            audit.services.record(
                case=pack.case, action="evidence.tried_again", actor=user
            )
            transaction.on_commit(lambda: build_pack.enqueue(pack.pk))
    except IntegrityError as error:
        raise EvidenceRefused(
            "evidence_running", "Another pack of this match is being built."
        ) from error


def record_download(*, pack: EvidencePack, user: User) -> None:
    """Record a download before the pack leaves."""
    audit.services.record(
        case=pack.case,
        action="evidence.downloaded",
        actor=user,
        after={"match": pack.match.uid, "sha256": pack.sha256},
    )


def requeue_stale_packs(**_signal: object) -> None:
    """Queue packs of dead workers again, or fail those out of attempts."""
    now = datetime.now(tz=UTC)
    silent = EvidencePack.objects.filter(
        status=PackStatus.BUILDING, lease_until__lt=now
    )
    give_up(
        silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS),
        "The pack was interrupted too often. Request a new pack, or tell an admin.",
        status=PackStatus.FAILED,
        finished_at=now,
    )
    stale = list(silent)
    silent.update(status=PackStatus.QUEUED, progress=0, **NO_LEASE)
    if not queue_holds_work():
        lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
        stale += EvidencePack.objects.filter(
            status=PackStatus.QUEUED, created_at__lt=lost_before
        )
    for key in {pack.pk for pack in stale}:
        build_pack.enqueue(key)
