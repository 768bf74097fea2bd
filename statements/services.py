"""Issues statements, leads them from state to state, and keeps those that differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import why_unseen
from base.accounts.roles import Action
from base.common.batches import batched
from base.common.storage import StoredFile, delete_files, read_bytes
from base.common.zones import office_day
from statements.choices import FOLLOWED, STANDING, StatementState
from statements.errors import StatementRefused
from statements.kinds import Fact, kind_of
from statements.models import Statement, StatementFact, StatementFile, StatementStep
from statements.selectors import differing

_AT_ONCE = 500


@transaction.atomic
def issue(
    *,
    kind: str,
    subject: str,
    name: str,
    facts: Iterable[Fact],
    user: User | None,
    state: StatementState = StatementState.DRAFT,
    content: Sequence[Any] = (),  # Any: JSON
) -> Statement:
    """Record the next version of a statement, in the transaction of its kind's own row.

    A draft that comes last is written anew, because nobody relies on it. A statement in
    ``STANDING`` replaces the version before it.
    """
    earlier = Statement.objects.select_for_update().filter(kind=kind, subject=subject)
    last = earlier.order_by("-version").first()
    statement = Statement(kind=kind, subject=subject)
    if last is not None:
        statement.version = last.version + 1
        if last.state == StatementState.DRAFT:
            statement = _emptied(last)
    statement.name = name
    statement.content = list(content)
    if days := kind_of(statement).followed_days:
        statement.followed_until = office_day() + timedelta(days=days)
    statement.save()
    statement.facts_sha256 = digest_of(_store(statement, facts))
    statement.save(update_fields=["facts_sha256"])
    return advance(statement=statement, state=state, user=user)


def end_following(*, kind: str, subjects: Collection[str]) -> None:
    """Compare statements no more, because what they are compared with is gone."""
    rows = Statement.objects.filter(kind=kind, subject__in=subjects)
    rows.update(followed_until=office_day() - timedelta(days=1))


def correct(*, statement: Statement, replaces: Statement) -> None:
    """Let a draft correct a statement whose row in its kind's table is another one."""
    statement.replaces, statement.version = replaces, replaces.version + 1
    statement.save(update_fields=["replaces", "version"])


def _store(statement: Statement, facts: Iterable[Fact]) -> Iterator[dict[str, Any]]:
    """Store facts, of which there may be many; yield each as JSON. Any: JSON."""
    for some in batched(facts, _AT_ONCE):
        rows = [asdict(fact) for fact in some]
        StatementFact.objects.bulk_create(StatementFact(statement=statement, **row) for row in rows)
        yield from rows


@transaction.atomic
def advance(
    *,
    statement: Statement,
    state: StatementState,
    user: User | None,
    note: str = "",
    at: datetime | None = None,
) -> Statement:
    """Lead a statement into a state; one that others rely on replaces its last version.

    ``at`` is when that was, if a document names the time; otherwise now.
    """
    row = Statement.objects.select_for_update().get(pk=statement.pk)
    now = at or datetime.now(tz=UTC)
    row.state, row.changed_at = state, datetime.now(tz=UTC)
    if state in STANDING:
        row.issued_at = row.issued_at or now
        _replace_earlier(row, user)
    row.save(update_fields=["state", "changed_at", "issued_at", "replaces"])
    if state not in FOLLOWED:
        forget_differences(row)
    StatementStep.objects.create(
        statement=row,
        state=state,
        person=user,
        person_name=user.get_username() if user else base.audit.services.SYSTEM,
        at=now,
        note=note,
    )
    return row


def attach(*, statement: Statement, form: str, name: str, stored: StoredFile) -> StatementFile:
    """Record the stored bytes of a statement in a format; ``name`` is for downloads."""
    return StatementFile.objects.create(
        statement=statement,
        format=form,
        name=name,
        file=stored.name,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
    )


def hand_out(*, file: StatementFile, actor: User | str) -> bytes:
    """Return the stored bytes of a file, and record who got them."""
    statement = file.statement
    record_download(
        case=kind_of(statement).case(statement),
        kind=statement.kind,
        actor=actor,
        form=file.format,
        version=statement.version,
        sha256=file.sha256,
    )
    return read_bytes(file.file)


def record_download(
    *, case: str, kind: str, actor: User | str, form: str, version: int, sha256: str
) -> None:
    """Record who got which bytes of a statement."""
    base.audit.services.record(
        case=case,
        action=f"{kind}.exported",
        actor=actor,
        after={"format": form, "version": version, "sha256": sha256},
    )


def _emptied(draft: Statement) -> Statement:
    """Return a draft without what it said; its bytes go when that is committed."""
    names = list(draft.files.values_list("file", flat=True))
    draft.files.all().delete()
    draft.facts.all().delete()
    transaction.on_commit(partial(delete_files, names))
    forget_differences(draft)
    return draft


def _replace_earlier(statement: Statement, user: User | None) -> None:
    """Let a version that others rely on end the one before it, and unsent ones between."""
    if statement.replaces is None:
        statement.replaces = Statement.objects.filter(
            kind=statement.kind,
            subject=statement.subject,
            version__lt=statement.version,
            state__in=STANDING,
        ).first()
    earlier = statement.replaces
    while earlier is not None and earlier.state in FOLLOWED:
        advance(statement=earlier, state=StatementState.REPLACED, user=user)
        earlier = earlier.replaces


def forget_differences(statement: Statement) -> None:
    """Forget what a statement that is not compared any more said otherwise; nobody need act."""
    statement.differs_since, statement.differs_event = None, None
    statement.differs_in, statement.differs_sha256, statement.differs_count = [], "", 0
    statement.changed_at = datetime.now(tz=UTC)
    statement.save(
        update_fields=[
            *("changed_at", "differs_since", "differs_event"),
            *("differs_in", "differs_sha256", "differs_count"),
        ]
    )


@transaction.atomic
def keep(
    *, statement: Statement, user: User, why: str, differs_sha256: str, until: date | None = None
) -> None:
    """Keep a statement with the differences that the person saw; raises ``StatementRefused``.

    It is asked again when it differs in something else, or after ``until``.
    """
    row = Statement.objects.select_for_update().get(pk=statement.pk)
    if refusal := why_not_keep(row, user):
        raise StatementRefused(refusal)
    why = why.strip()
    if not why:
        raise StatementRefused(_("Say why it stays as it is."))
    if until is not None and until < office_day():
        raise StatementRefused(_("The day is over. Choose today or a later one."))
    if row.differs_sha256 != differs_sha256:
        raise StatementRefused(
            _("The statement has changed; nothing was saved. Reload to see its state.")
        )
    if unseen := why_unseen(differing([row])[row.pk].hidden):
        raise StatementRefused(unseen)
    now = datetime.now(tz=UTC)
    Statement.objects.filter(pk=row.pk).update(
        changed_at=now,
        kept_by=user,
        kept_at=now,
        kept_until=until,
        kept_why=why,
        kept_sha256=differs_sha256,
    )
    base.audit.services.record(
        case=row.case,
        action="statement.kept",
        actor=user,
        after={"until": until.isoformat() if until else None, "in": row.differs_in},
        note=why,
    )


def why_not_keep(statement: Statement, user: User) -> str:
    """Return why the user cannot keep a statement as it is, as a sentence; empty if they can."""
    if not user.has_perm(Action.DECIDE):
        return _("Your role may read statements but not keep them.")
    if refusal := _why_nobody_relies_on(statement):
        return refusal
    if not statement.differs_sha256:
        return _("It says what the portal says, so there is nothing to keep.")
    return ""


def why_not_withdraw(statement: Statement, user: User) -> str:
    """Return why the user cannot take a statement back, by the rules of its kind, too."""
    if not user.has_perm(Action.DECIDE):
        return _("Your role may read statements but not withdraw them.")
    return _why_nobody_relies_on(statement) or kind_of(statement).why_not_withdraw(statement, user)


def _why_nobody_relies_on(statement: Statement) -> str:
    if statement.state == StatementState.WITHDRAWN:
        return _("It is withdrawn already.")
    if statement.state == StatementState.REPLACED:
        return _("A later version has replaced it.")
    if statement.state not in STANDING:
        return _("It is not approved or sent yet, so nobody relies on it.")
    return ""


def withdraw(*, statement: Statement, user: User, why: str) -> None:
    """Take a statement back by the rules of its kind; raises ``StatementRefused``."""
    if refusal := why_not_withdraw(statement, user):
        raise StatementRefused(refusal)
    if not why.strip():
        raise StatementRefused(_("Say why it is withdrawn."))
    kind_of(statement).withdraw(statement=statement, user=user, note=why.strip())


def digest_of(rows: Iterable[Any]) -> str:  # Any: JSON
    """Return the digest of rows of JSON; empty for none."""
    digest, begun = hashlib.sha256(), False
    for row in rows:
        text = json.dumps(row, sort_keys=True, ensure_ascii=False)
        digest.update(f"{', ' if begun else '['}{text}".encode())
        begun = True
    digest.update(b"]")
    return digest.hexdigest() if begun else ""
