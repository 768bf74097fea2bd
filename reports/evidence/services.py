"""Requests and cancels packs; each step is an event of the pack."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.jobs.services import cancel_subject, submit, try_subject_again
from reports.evidence import selectors, signing
from reports.evidence.jobs import EVIDENCE
from reports.evidence.models import EvidencePack, PackStatus
from reports.evidence.statement import hand_over
from review.models import Match


class EvidenceRefused(Exception):
    """A pack cannot be requested or downloaded now; ``code`` is the reason for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def request_pack(*, match: Match, user: User, with_reference_clips: bool = True) -> EvidencePack:
    """Queue a new pack with the match's state at build time.

    Raises ``EvidenceRefused`` where no machine has a signing key, or while a pack is
    being built.
    """
    try:
        # Fail now, while the person can read why, not later in the worker.
        signing.require_some_key()
    except signing.KeyUnusable as error:
        raise EvidenceRefused("no_signing_key", str(error)) from error
    with transaction.atomic():
        pack = EvidencePack.objects.create(
            match=match, with_reference_clips=with_reference_clips, requested_by=user
        )
        if submit(EVIDENCE, pack, user=user).subject != pack.pk:
            raise EvidenceRefused(
                "evidence_running",
                _("A pack of this match is already being built. Wait for it, or cancel it."),
            )
        base.audit.services.record(
            case=pack.case,
            action="evidence.requested",
            actor=user,
            after={"match": match.uid, "reference_clips": with_reference_clips},
        )
    return pack


def cancel_pack(*, pack: EvidencePack, user: User) -> bool:
    """Cancel an unfinished pack; tell whether there was one."""
    with transaction.atomic():
        cancelled = cancel_subject(EVIDENCE, pack)
        if cancelled:
            base.audit.services.record(case=pack.case, action="evidence.cancelled", actor=user)
    return cancelled


def try_again(*, pack: EvidencePack, user: User) -> None:
    """Queue a failed pack again, with the match's state at build time.

    Raises ``EvidenceRefused`` if it has not failed, or if another pack is being built.
    """
    with transaction.atomic():
        failed = EvidencePack.objects.filter(pk=pack.pk, status=PackStatus.FAILED)
        if not failed.update(finished_at=None):
            raise EvidenceRefused("not_given_up", _("This pack has not failed."))
        if not try_subject_again(EVIDENCE, pack, user=user):
            raise EvidenceRefused(
                "evidence_running", _("Another pack of this match is being built.")
            )
        base.audit.services.record(case=pack.case, action="evidence.tried_again", actor=user)


def refuse_hidden(*, matches: Iterable[Match]) -> None:
    """Raise ``EvidenceRefused`` if packs of matches name rules out of the viewer's sight."""
    if any(selectors.names_hidden_rules(match) for match in matches):
        raise EvidenceRefused(
            "access_limited",
            _(
                "The pack names licences or policies that you may not see. Ask somebody "
                "without access limits for it."
            ),
        )


@transaction.atomic
def record_download(*, pack: EvidencePack, user: User) -> None:
    """Record a download before the pack leaves: from then on somebody has it."""
    hand_over(pack=pack, user=user)
    base.audit.services.record(
        case=pack.case,
        action="evidence.downloaded",
        actor=user,
        after={"match": pack.match.uid, "sha256": pack.sha256},
    )
