"""What people do with declarations and their profiles; each step is an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.utils.translation import gettext as _

import base.audit.services
import statements.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, refuse_shared, why_unseen
from base.jobs.errors import Failed, Stopped
from base.jobs.runner import here
from base.jobs.services import begin_here, cancel_subject, submit, try_subject_again
from catalogue.identifiers import BadIdentifier, check_dpid
from plugins.monitoring.declarations import declaration_job
from plugins.monitoring.declarations.checking import declared_before
from plugins.monitoring.declarations.formats.base import BadOptions
from plugins.monitoring.declarations.formats.registry import UnknownFormat, entry_of
from plugins.monitoring.declarations.jobs import DECLARATION
from plugins.monitoring.declarations.models import (
    DECLARATION_STATEMENT,
    Declaration,
    DeclarationProfile,
)
from plugins.monitoring.streams.models import Station
from reports.choices import RunState
from reports.files import Check, check_content
from reports.stored_rows import content_of
from review.models import Match
from statements.choices import StatementState
from statements.models import Statement, StatementFact

_MOST_DAYS = 366


class DeclarationRefused(Exception):
    """Something cannot be done now; ``code`` is the reason for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class ProfileRefused(Exception):
    """A profile is wrong; ``field`` names which part, ``message`` says why."""

    field: str
    message: str


def save_profile(
    *, profile: DeclarationProfile, stations: Iterable[Station], user: User
) -> DeclarationProfile:
    """Save a new or changed profile; raise ``ProfileRefused``, having saved nothing.

    Raises ``PermissionDenied`` if others declared something with it that the user may not
    see.
    """
    refuse_shared(profile, user)
    for name in ("sender_dpid", "recipient_dpid"):
        try:
            setattr(profile, name, check_dpid(getattr(profile, name)))
        except BadIdentifier as error:
            raise ProfileRefused(name, str(error)) from error
    try:
        profile.options = entry_of(profile.format).read_options(profile.options)
    except UnknownFormat as error:
        raise ProfileRefused("format", _("Choose one of the formats.")) from error
    except BadOptions as error:
        raise ProfileRefused(error.option, str(error)) from error
    chosen = list(stations)
    if not chosen:
        raise ProfileRefused("stations", _("Choose at least one station."))
    with transaction.atomic():
        stored = DeclarationProfile.objects.filter(pk=profile.pk).first()
        before = stored.snapshot if stored is not None else None
        if stored is None:
            profile.made_by = user
        profile.save()
        profile.stations.set(chosen)
        base.audit.services.record(
            case=profile.case,
            action="declaration_profile.saved",
            actor=user,
            before=before,
            after=profile.snapshot,
        )
    return profile


def delete_profile(*, profile: DeclarationProfile, user: User) -> None:
    """Delete a profile with which nothing was declared, or raise ``DeclarationRefused``.

    Raises ``PermissionDenied`` as ``save_profile`` does.
    """
    refuse_shared(profile, user)
    try:
        with transaction.atomic():
            base.audit.services.record(
                case=profile.case,
                action="declaration_profile.deleted",
                actor=user,
                before=profile.snapshot,
            )
            profile.delete()
    except ProtectedError as error:
        raise DeclarationRefused(
            "profile_in_use",
            _("“%(name)s” cannot be deleted, because its declarations are kept.")
            % {"name": profile.name},
        ) from error


def draft(
    *,
    profile: DeclarationProfile,
    begins: date,
    ends: date,
    user: User | str,
    name: str = "",
    replaces: Declaration | None = None,
) -> Declaration:
    """Return an unsaved declaration; raise ``DeclarationRefused`` for a wrong period."""
    if ends < begins:
        raise DeclarationRefused("bad_period", _("The period ends before it begins."))
    if (ends - begins).days >= _MOST_DAYS:
        raise DeclarationRefused(
            "bad_period", _("A declaration covers a year at most. Choose fewer days.")
        )
    if replaces is not None and replaces.state != RunState.READY:
        raise DeclarationRefused("not_written", _("Only a written declaration can be corrected."))
    by = (
        {"run_by": user, "run_by_name": user.get_username()}
        if isinstance(user, User)
        else {"run_by_name": user}
    )
    return Declaration(
        profile=profile,
        profile_as_was=profile.snapshot,
        name=name.strip()[:200] or f"{profile.name}, {begins} – {ends}"[:200],
        format=profile.format,
        begins=begins,
        ends=ends,
        replaces=replaces,
        **by,
    )


def request_declaration(declaration: Declaration) -> Declaration:
    """Save a draft and queue it for the worker.

    Raises ``DeclarationRefused`` if its days were declared already, or while another
    declaration of the profile is written.
    """
    with transaction.atomic():
        _begin(declaration)
        job = submit(DECLARATION, declaration, user=declaration.run_by)
        if job.subject != declaration.pk:
            raise _is_running()
    return declaration


def declare_now(declaration: Declaration) -> Declaration:
    """Write a draft now and return it; raise ``DeclarationRefused``."""
    with transaction.atomic():
        _begin(declaration)
        job = begin_here(DECLARATION, declaration, user=declaration.run_by)
        if job.subject != declaration.pk:
            raise _is_running()
    try:
        with here(job) as context:
            declaration_job.work(context)
    except (Failed, Stopped):
        pass
    declaration.refresh_from_db()
    if declaration.state != RunState.READY:
        raise DeclarationRefused(
            "not_written", declaration.message or _("The declaration was cancelled.")
        )
    return declaration


def _is_running() -> DeclarationRefused:
    return DeclarationRefused(
        "declaration_running",
        _("A declaration of this profile is being written. Wait for it, or cancel it."),
    )


def _begin(declaration: Declaration) -> None:
    # Two requests at once would both see no earlier declaration.
    DeclarationProfile.objects.select_for_update().get(pk=declaration.profile_id)
    if earlier := declared_before(declaration):
        raise DeclarationRefused(
            "declared_before",
            _("“%(name)s” declares some of these days already. Correct it instead.")
            % {"name": earlier[0].name},
        )
    declaration.save()
    replaced = declaration.replaces
    _record(
        declaration,
        "declaration.created",
        declaration.run_by or declaration.run_by_name,
        {
            "profile": declaration.profile.uid,
            "format": declaration.format,
            "begins": declaration.begins.isoformat(),
            "ends": declaration.ends.isoformat(),
            "message_id": declaration.message_id,
            "replaces": replaced.uid if replaced is not None else "",
        },
    )
    if replaced is not None:
        _record(
            replaced,
            "declaration.corrected",
            declaration.run_by or declaration.run_by_name,
            {"by": declaration.uid, "message_id": declaration.message_id},
        )


def cancel_declaration(*, declaration: Declaration, user: User) -> None:
    """Cancel a declaration that waits or is being written; a written one stays."""
    with transaction.atomic():
        if cancel_subject(DECLARATION, declaration):
            _record(declaration, "declaration.cancelled", user, {})


def try_again(*, declaration: Declaration, user: User) -> None:
    """Queue a failed declaration again, with the profile as it is now.

    Nobody has its message id yet, as nothing was written. Raises
    ``DeclarationRefused``.
    """
    with transaction.atomic():
        # An earlier attempt may have let another declaration of these days pass.
        if declared_before(declaration):
            raise DeclarationRefused(
                "declared_before",
                _(
                    "Somebody has declared these days in the meantime. Reload to "
                    "see the declaration."
                ),
            )
        failed = Declaration.objects.filter(pk=declaration.pk, state=RunState.FAILED).update(
            finished_at=None,
            format=declaration.profile.format,
            profile_as_was=declaration.profile.snapshot,
        )
        if not failed:
            raise DeclarationRefused(
                "not_failed", _("The declaration has not failed, so there is nothing to try again.")
            )
        if not try_subject_again(DECLARATION, declaration, user=user):
            raise _is_running()
        _record(declaration, "declaration.tried_again", user, {})


def download(*, declaration: Declaration, user: User | str) -> Iterator[bytes]:
    """Return the file of a written declaration, and record the download.

    Whoever takes the file sends it: from then on others rely on what it states. Raises
    ``PermissionDenied`` if it names matches that the user may not see any more.
    """
    person = user if isinstance(user, User) else None
    declared = StatementFact.objects.filter(
        statement__kind=DECLARATION_STATEMENT, statement__subject=declaration.uid
    ).values("match")
    matches = Match.objects.filter(Q(uid__in=declared) | Q(aliases__uid__in=declared))
    if why := why_unseen(count_hidden(person, matches.distinct())):
        raise PermissionDenied(why)
    with transaction.atomic():
        rows = Statement.objects.select_for_update()
        statement = rows.filter(
            kind=DECLARATION_STATEMENT, subject=declaration.uid, state=StatementState.DRAFT
        ).first()
        if statement is not None:
            statements.services.advance(statement=statement, state=StatementState.SENT, user=person)
        _record(declaration, "declaration.downloaded", user, {"sha256": declaration.sha256})
    return iter(declaration.file.chunks(256 * 1024))


def check_files(*, declaration: Declaration) -> list[Check]:
    """Compare the files of a written declaration with their hashes."""
    return [
        check_content(
            declaration.file_name,
            lambda: iter(declaration.file.chunks(256 * 1024)),
            declaration.sha256,
        ),
        check_content(
            _("What it contains"), lambda: content_of(declaration.facts), declaration.facts_sha256
        ),
        check_content(
            _("What is left out"),
            lambda: content_of(declaration.undeclared),
            declaration.undeclared_sha256,
        ),
    ]


def _record(
    declaration: Declaration, action: str, user: User | str, after: dict[str, object]
) -> None:
    base.audit.services.record(case=declaration.case, action=action, actor=user, after=after)
