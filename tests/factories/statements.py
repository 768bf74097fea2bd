"""A plain kind of statement: it says the states of matches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.standing import StatementKind
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from reports.cue_sheets import listed_cues
from reports.cue_statement import issue_version
from reports.evidence import signing
from reports.evidence.services import request_pack
from reports.evidence.statement import hand_over
from review.models import Match
from statements import services
from statements.choices import StatementState
from statements.kinds import Difference, Fact, Kind, kinds
from statements.models import Statement, StatementFact, StatementFile


class PlainStatements(Kind):
    """Statements about one match, which is the subject, and others."""

    kind = StatementKind.REPORT
    label = "Report"
    place = 90

    def seen(self, subjects: Collection[str]) -> Collection[str]:
        """Return the subjects whose match the viewer may see."""
        return Match.objects.filter(uid__in=subjects).values_list("uid", flat=True)

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Say which matches have another state than was stated."""
        facts = StatementFact.objects.filter(statement__in=statements).order_by("pk")
        states = dict(Match.objects.values_list("uid", "state"))
        differences: dict[int, list[Difference]] = {}
        for fact in facts:
            today = states.get(fact.match, "")
            if today != fact.state:
                text = _("%(name)s is stated in another place.") % {
                    "name": f"{fact.match} {fact.state} {today}"
                }
                differences.setdefault(fact.statement_id, []).append(Difference(text, fact.match))
        return differences

    def url(self, statement: Statement) -> str:
        """Return the page of the match."""
        return f"/m/{statement.subject}/"

    def correct_url(self, statement: Statement) -> str:
        """Return the page of the match."""
        return f"/m/{statement.subject}/#correct"

    def why_not_withdraw(self, statement: Statement, user: User) -> str:
        """Let managers withdraw what stands."""
        return "" if user.has_perm(Action.APPROVE) else "Only a manager may withdraw it."

    def withdraw(self, *, statement: Statement, user: User, note: str) -> None:
        """Withdraw it."""
        services.advance(statement=statement, state=StatementState.WITHDRAWN, user=user, note=note)


def state_everywhere(match: Match, user: User) -> None:
    """Hand over a pack of a match, and approve the cue sheet of its file."""
    if not signing.key_path().exists():
        signing.create_key()
    pack = request_pack(match=match, user=user)
    while run_next(Pool.WORK):
        pass
    pack.refresh_from_db()
    hand_over(pack=pack, user=user)
    issue_version(sheet=listed_cues(match.scanned_file), user=user, state=StatementState.APPROVED)


def register_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plain statements be the only kind."""
    monkeypatch.setattr(kinds, "_entries", [PlainStatements()])


def make_statement(
    *matches: Match, user: User | None = None, state: StatementState = StatementState.APPROVED
) -> Statement:
    """Return a plain statement about matches, with a file."""
    statement = services.issue(
        kind=StatementKind.REPORT,
        subject=matches[0].uid,
        name=f"Sheet of {matches[0].scanned_file.name}",
        facts=[
            Fact(
                match=match.uid,
                recording=match.recording.uid,
                file=str(match.scanned_file.uid),
                start_ms=0,
                end_ms=1000,
                state=match.state,
                cells={"title": match.recording.title},
            )
            for match in matches
        ],
        user=user,
        state=state,
    )
    StatementFile.objects.create(
        statement=statement,
        format="txt",
        name="sheet.txt",
        file=ContentFile(b"As approved.", name=f"statements/{statement.uid}.txt"),
        sha256="ab" * 32,
        size_bytes=12,
    )
    return statement
