"""Who decided: texts, figures and rules that speak of people mean people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from acrportal import translations
from base.accounts.deciders import Decider
from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.services import create_user
from base.accounts.tokens import create_token
from base.common.attribution import act_through, attribution_scope
from reports.cue_approval import SheetStep, approval_of, take_step, why_no_signature
from reports.evidence.explanations import decision as decision_in_words
from reports.evidence.facts import case_json, gather
from review import errors
from review.choices import MatchState
from review.models import Match
from review.programmes.precedents import precedent_of
from review.services import exclusions
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from web.portal.dashboard import page as dashboard

pytestmark = pytest.mark.django_db

# Words that say that people acted, and words of what they did.
_PEOPLE = re.compile(
    r"\b(person|people|somebody|someone|anybody|nobody|human|reviewers?|by hand)\b", re.I
)
_DECIDED = re.compile(
    r"\b(decid|confirm|reject|clear|approv|agree|answer|escalat|judged|heard|listened)", re.I
)


@pytest.fixture
def program() -> User:
    return create_user(username="nightly", password=None, role=Role.REVIEWER)


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


def api(user: User) -> Client:
    secret = create_token(owner=user, name="nightly", scopes=["all"]).secret
    return Client(headers={"authorization": f"Bearer {secret}"})


def send(client: Client, match: Match, verb: str, **values: str) -> int:
    answer = client.post(
        reverse("api:match_decisions", args=[match.uid]),
        {"version": match.version, "verb": verb, **values},
        content_type="application/json",
    )
    match.refresh_from_db()
    return answer.status_code


def test_an_account_that_becomes_a_persons_later_did_not_look(program: User) -> None:
    match = make_match()
    send(api(program), match, "confirm")
    program.set_password("a long password")
    program.last_login = datetime.now(tz=UTC)
    program.save()
    match.refresh_from_db()

    assert match.decider == Decider.PROGRAM


def test_an_undone_decision_and_a_rescan_keep_who_decided(program: User, manager: User) -> None:
    match = make_match()
    send(api(program), match, "confirm")
    disputed = deciding.record(match=match, user=manager, code="licensed")
    upheld = deciding.uphold(match=disputed, user=manager, answer="No licence.")
    assert upheld.decider == Decider.PERSON

    back = deciding.undo(match=upheld, user=manager)

    assert (back.state, back.decider) == (MatchState.DISPUTED, Decider.PROGRAM)


def test_evidence_says_that_a_program_decided(program: User) -> None:
    match = make_match()
    send(api(program), match, "confirm")

    facts = gather(match_id=match.pk)

    assert "Decided by a program, as nightly, on" in decision_in_words(facts)
    assert case_json(facts)["match"]["decider"] == "program"


def test_precision_and_people_only_leave_programs_out(
    program: User, manager: User, signed_in: MakeClient
) -> None:
    confirmed, rejected, own = make_match(), make_match(), make_match()
    send(api(program), confirmed, "confirm")
    send(api(program), rejected, "reject", reason="noise")
    deciding.confirm(match=own, user=manager)

    engines, _bands, _policies = dashboard.precision()
    page = signed_in(Role.VIEWER).get(reverse("portal:match_list") + "?decided=people")

    assert [(line.right, line.total) for line in engines.rows] == [(1, 1)]
    assert list(page.context["page_obj"]) == [own]


def test_no_program_is_a_precedent(program: User) -> None:
    first, second = make_match(), make_match()
    Match.objects.filter(pk=second.pk).update(recording=first.recording)
    second.refresh_from_db()
    ScannedFile.objects.update(programme="The Morning Show")
    send(api(program), first, "reject", reason="noise")
    second.scanned_file.refresh_from_db()

    assert precedent_of(second) is None


def test_a_program_is_no_second_person(manager: User) -> None:
    ana = make_user(Role.REVIEWER)
    match = deciding.escalate(match=make_match(), user=ana, note="Ours?")
    proposed = exclusions.propose(
        recording=match.recording, interval=(0, 2_000), reason="other", user=ana
    )
    service = create_user(username="desk", password=None, role=Role.MANAGER)

    assert send(api(manager), match, "confirm") == 403
    assert match.state == MatchState.ESCALATED
    for answer in (exclusions.approve, partial(exclusions.refuse, note="No.")):
        with pytest.raises(errors.NotAllowed, match="a program cannot be"):
            answer(segment=proposed, user=service)
    exclusions.approve(segment=proposed, user=manager)


def test_a_program_answers_no_cue_sheet(manager: User) -> None:
    file = make_match(state=MatchState.CONFIRMED).scanned_file
    ana = make_user(Role.REVIEWER)
    take_step(file=file, user=ana, step=SheetStep.SUBMIT, version=1)

    with attribution_scope():
        act_through("token:t_1 nightly")
        refused = why_no_signature(approval_of(file), manager)

    assert "a program cannot be" in refused


OF_PEOPLE_ALONE = {
    "%(decided_by_name)s confirmed it, and a second person has to agree.",
    "A person decided, and as much of it counts.",
    "A person rejected the match: %(reason)s.",
    "People decided %(n)s of its matches. Delete the file itself if it must go.",
    "People decided matches of it. Retire it itself if it must go.",
    "People decided matches of it.",
    "The share of matches decided by people in the last 90 days that were not rejected.",
}
"""What pages say of decisions by people; the code that shows it asks ``decider``."""

OF_PAGES_ALONE = {
    "A person listened and said whether speech lies over most of it.",
    "Only cues that somebody entered are removed. Reject a match instead.",
    "People decide every suggestion.",
    "not over most of it, as a person heard",
    "over most of it, as a person heard",
}
"""What people do on pages, where no program is signed in."""

OF_NO_DECISION = {
    "%(count)d play is not declared, because nobody has decided its match.",
    "%(files)s; nobody has judged what they found yet.",
    "%(get_username)s may not decide matches. Choose somebody else.",
    "A clear match of %(length)s that no policy decides. Nobody has decided it yet.",
    "A confirmation needs a second person.",
    "A person answers the dispute.",
    "A program confirmed it as %(decided_by_name)s; a person has to agree.",
    "A service account or an API token decided, and no person.",
    "Confirmed matches on which the newest report has no claim of ours. Claim them by hand "
    "in Studio, or deliver a reference file. A claim of somebody else on such a video "
    "appears in no report.",
    "Confirming needs approval by a second person.",
    "Heard by the people in it",
    "How many people heard the play is not known. Enter the listeners of the broadcast or "
    "of the station's hour.",
    "It is not approved or sent yet, so nobody relies on it.",
    "Nobody has decided this match yet. Decide it first.",
    "Reopens: a person decides again",
    "Somebody already decided about this loop. Nothing was done.",
    "Somebody already decided this: %(state)s.",
    "Somebody else has judged this meanwhile, or it was compared again.",
    "Somebody else has judged this meanwhile.",
    "Somebody entered a cue in the same seconds. Either the match takes its place, or the "
    "cue stays and the match is rejected.",
    "Somebody has already answered this proposal.",
    "The confirmation of this version needs a second person. Reopen the match to choose "
    "another one.",
    "The policy %(policy_name)s proposes to confirm it. A manager must agree, but not the "
    "person who applied or wrote the policy.",
    "The role still decides what the person sees and changes there.",
    "This waits for a second person, which a program cannot be. Answer it on the pages of "
    "the portal.",
    "Adds and changes licences from a sheet. New ones are drafts until somebody applies them. "
    "The sheet is checked first; nothing is imported until you confirm.",
    "When files were broadcast, which episodes they are, and how many people listened. The "
    "table is checked first; nothing is imported until you confirm.",
    "Who escalated it, or on whose behalf a policy did. Another person approves.",
    "a reviewer decides the match",
    "after a second person has approved it",
}
"""What is still to be decided, needs a person, or is about something else."""


def test_each_text_that_speaks_of_people_and_decisions_is_of_people() -> None:
    """A new text of the kind is shown only where ``Match.decider`` says "person".

    ``make check`` holds that a catalogue has every text.
    """
    (language, *_languages) = translations.languages()
    texts = {
        message.id if isinstance(message.id, str) else message.id[0]
        for message in translations.read(language)
    }

    matching = {text for text in texts if _PEOPLE.search(text) and _DECIDED.search(text)}

    assert matching == OF_PEOPLE_ALONE | OF_PAGES_ALONE | OF_NO_DECISION


@pytest.mark.soak  # the test above holds the texts, this one opens the pages
def test_no_page_says_that_people_decided_what_a_program_did(
    program: User, signed_in: MakeClient
) -> None:
    admin, by_program = signed_in(Role.ADMIN), api(program)
    matches = [make_match() for _number in range(5)]
    ways: tuple[tuple[str, dict[str, str]], ...] = (
        ("confirm", {}),
        ("reject", {"reason": "noise"}),
        ("clear", {"note": "Ours."}),
        ("escalate", {"note": "Ours?"}),
        ("confirm", {}),
    )
    Match.objects.filter(pk=matches[-1].pk).update(needs_approval=True)
    for match, (verb, values) in zip(matches, ways, strict=True):
        assert send(by_program, match, verb, **values) == 200
    pages = [
        address
        for match in matches
        for address in (
            match.review_url,
            reverse("portal:file_detail", args=[match.scanned_file.uid]),
            reverse("portal:recording_detail", args=[match.recording.uid]),
            reverse("admin:review_match_change", args=[match.pk]),
            reverse("admin:review_match_history", args=[match.pk]),
        )
    ]
    # The dashboard names the figure, and counts none of these.
    unsaid = OF_PEOPLE_ALONE - {text for text in OF_PEOPLE_ALONE if text.startswith("The share of")}
    patterns = [re.compile(re.sub(r"%\\\(\w+\\\)s", ".*", re.escape(text))) for text in unsaid]

    for address in pages:
        page = strip_tags(admin.get(address).content.decode())
        assert not [pattern for pattern in patterns if pattern.search(page)], address
