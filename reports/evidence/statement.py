"""Evidence packs as statements: drafts once built, sent once somebody has them.

A pack that a signed document names is approved until that document is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.accounts.models import User
from base.audit.standing import StatementKind
from base.common.phrases import lowered
from reports.evidence.digests import Topic, facts_today
from reports.evidence.models import EvidencePack
from review.choices import MatchState
from statements.choices import STANDING, StatementState
from statements.kinds import Difference, Fact, Kind, compared_state
from statements.models import Statement, StatementFact
from statements.services import advance, issue

_NAME_LETTERS = 300


class EvidencePacks(Kind):
    """The packs of a match are versions of one subject, the match's uid."""

    kind = StatementKind.EVIDENCE
    label = lazy("Evidence pack")
    place = 50
    has_card = True

    def seen(self, subjects: Collection[str]) -> Collection[str]:
        """Return those of the subjects whose packs the viewer may see."""
        packs = EvidencePack.objects.filter(statement__subject__in=subjects)
        return set(packs.values_list("statement__subject", flat=True))

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare what packs state with what new ones would."""
        matches = dict(
            EvidencePack.objects.filter(statement__in=statements).values_list("statement", "match")
        )
        today = facts_today(matches.values())
        facts = StatementFact.objects.filter(statement__in=matches)
        return {
            stated.statement_id: list(_differences(stated, today[matches[stated.statement_id]]))
            for stated in facts
        }

    def url(self, statement: Statement) -> str:
        """Return the address of the packs of the match, where new ones are built."""
        return reverse("portal:evidence", args=[statement.subject])

    def case(self, statement: Statement) -> str:
        """Return the case of the pack; its match has one for each pack."""
        return statement.evidence_pack.case

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Return the packs that were just built: their facts are older than they are."""
        packs = EvidencePack.objects.filter(
            uid__in=cases.get("evidence", ()), statement__isnull=False
        )
        return packs.values_list("statement__subject", flat=True)


def _differences(stated: StatementFact, today: Fact) -> Iterator[Difference]:
    texts = {
        topic: str(topic.label)
        for topic in Topic
        if stated.cells.get(topic.value) != today.cells.get(topic.value)
    }
    if compared_state(stated.state) != compared_state(today.state):
        # The decision that led to the state says no more than the state itself.
        label = lowered(MatchState(today.state).label)
        texts = {
            Topic.DECISION: _("The match is %(state)s now.") % {"state": label},
            **{topic: texts[topic] for topic in texts if topic != Topic.DECISION},
        }
    for text in texts.values():
        yield Difference(text, stated.match)


@transaction.atomic
def issue_built(*, pack: EvidencePack, fact: Fact) -> Statement:
    """Record what a built pack states; earlier ones that nobody has are replaced."""
    earlier = Statement.objects.filter(
        evidence_pack__match=pack.match_id, state=StatementState.DRAFT
    )
    for draft in earlier:
        advance(statement=draft, state=StatementState.REPLACED, user=pack.requested_by)
    return issue(
        kind=StatementKind.EVIDENCE,
        subject=fact.match,
        name=str(pack.match)[:_NAME_LETTERS],
        facts=[fact],
        user=pack.requested_by,
    )


@transaction.atomic
def hand_over(
    *, pack: EvidencePack, user: User, state: StatementState = StatementState.SENT
) -> None:
    """Note that somebody has the pack, or will; it replaces the earlier ones of its match.

    One that a newer pack has replaced stays so, whoever downloads it.
    """
    rows = Statement.objects.select_for_update(of=("self",))
    row = rows.get(evidence_pack=pack)
    if row.state == state or row.state not in (StatementState.DRAFT, StatementState.APPROVED):
        return
    advance(statement=row, state=state, user=user)
    # A join may have given the match packs of another subject.
    statements = Statement.objects.filter(evidence_pack__match=pack.match_id, state__in=STANDING)
    for earlier in statements.exclude(pk=row.pk):
        advance(statement=earlier, state=StatementState.REPLACED, user=user)
