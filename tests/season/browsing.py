"""What people do with the pages that they have open: their forms and their links."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime

from base.audit.models import Event
from review.choices import Verb
from review.models import Match
from tests.season.invariants import check
from tests.season.pages import Filled, Form, Page, fill
from tests.season.people import Answer, Person

# How often a form is sent that removes objects other steps need.
SELDOM = 0.15
_TAKES_AWAY = re.compile(r"delete|remove|withdraw|revoke|retire|/end/|switch|logout")
_DECISIONS = {*Verb, "propose", "exclude"}


def decide(person: Person, rng: random.Random) -> None:
    """Send one of the forms on a match's page."""
    matches = list(Match._base_manager.order_by("pk"))
    if not matches:
        return
    answer = person.open(f"/m/{rng.choice(matches).uid}")
    if answer.is_page and answer.status < 400:
        forms = [
            form
            for form in person.tabs[0].forms
            if re.search(r"/(decide|dispute|exclude|release|lock)$", form.path)
        ]
        if forms:
            _send(person, rng.choice(forms), rng)


def follow_a_link(person: Person, rng: random.Random) -> None:
    """Follow a link of an open page."""
    page = person.some_tab(rng)
    links = [
        link
        for link in (page.links if page else [])
        if not re.search(r"logout|/accounts/|/admin/jsi18n|/static/", link)
    ]
    if links:
        person.open(rng.choice(links))


def send_some_form(person: Person, page: Page, rng: random.Random) -> None:
    """Send a form of a page, rather one that changes something."""
    forms = [
        form
        for form in page.forms
        if not form.path.startswith("/accounts/")
        and not form.path.endswith("/search/")
        and (not _TAKES_AWAY.search(form.path) or rng.random() < SELDOM)
    ]
    posts = [form for form in forms if form.method == "POST"]
    if forms:
        _send(person, rng.choice(posts or forms), rng)


def _send(person: Person, form: Form, rng: random.Random) -> None:
    filled = fill(form, rng, datetime.now(tz=UTC))
    person.note(f"{person.name} sends {filled}")
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    answer = person.send(filled)
    if re.fullmatch(r"/m/\w+/(decide|dispute|exclude)", form.path):
        _check_decided(person, filled, answer, newest)


def _check_decided(person: Person, filled: Filled, answer: Answer, newest: int) -> None:
    """Check that a decision is saved with one event, or refused with a message."""
    uid = filled.form.path.split("/")[2]
    events = Event.objects.filter(case=f"match:{uid}", pk__gt=newest)
    written = [
        event.action
        for event in events
        if event.action in _DECISIONS and event.actor_name == person.name
    ]
    is_taken = answer.status < 400 and not answer.signed_out
    if is_taken and "look" not in filled.fields:
        check(len(written) == 1, f"{filled}: accepted, events {written}")
    else:
        check(not written, f"{filled}: {answer.status}, yet events {written}")
        if answer.is_page and answer.status in (400, 409, 422):
            check('role="alert"' in answer.content.decode(), f"{filled}: no word")
