"""What people of the season do with takedown notices, and what must hold afterwards."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from plugins.notices.checks import STANDING, changed_since_signed
from plugins.notices.content import digest_of_document
from plugins.notices.models import (
    ClaimedRight,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    NoticeState,
    TakedownNotice,
)
from plugins.notices.notice_text import ACCURACY, GOOD_FAITH
from plugins.notices.tests.factories import FILLED_IN
from review.choices import WAITING_STATES, DisputeCode, MatchState
from review.models import Match
from scanning.models import Container
from tests.season import outside
from tests.season.invariants import check
from tests.season.people import Person
from tests.season.readers import english

_CLAIMED = (MatchState.CONFIRMED, MatchState.UPHELD, MatchState.DISPUTED)
_STANDING = (NoticeState.SIGNED, NoticeState.SENT, NoticeState.ANSWERED)
_SIGNED_BY = {"good_faith": GOOD_FAITH, "accuracy": ACCURACY, "signature": "A. Muster"}
_WARNING = "No longer valid: withdraw it."


def handle(person: Person, manager: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Take one notice a step on; states, roles and limits may refuse it.

    The manager, who has no limits, sends notices from beginning to end.
    """
    kind = rng.random()
    if kind < 0.2:
        _send_whole(manager, rng, work)
    elif kind < 0.4:
        _renew(person, manager, rng, work)
    else:
        _take_a_step(person, rng)


def _take_a_step(person: Person, rng: random.Random) -> None:
    notice = _some_notice(rng)
    if notice is None or rng.random() < 0.3:
        _prepare(person, rng)
        return
    base, version = f"/notices/{notice.uid}/", notice.version - (rng.random() < 0.05)
    now = f"{datetime.now(tz=ZoneInfo(person.zone)):%Y-%m-%dT%H:%M}"
    if notice.state == NoticeState.DRAFT:
        if notice.owner and rng.random() < 0.7:
            person.fill_in(f"{base}act/", version=version, verb="submit")
        else:
            person.fill_in(f"{base}edit/", version=version, **FILLED_IN)
    elif notice.state == NoticeState.REVIEW:
        person.fill_in(
            f"{base}sign/",
            version=version,
            document=digest_of_document(notice),
            **_SIGNED_BY | {"accuracy": rng.choice([ACCURACY, ACCURACY, ""])},
        )
    elif notice.state == NoticeState.SIGNED:
        person.fill_in(f"{base}sent/", version=version, at=now, how="E-mail", to="agent")
    elif rng.random() < 0.2:
        person.fill_in(f"{base}withdraw/", version=version, why="Given up.")
    else:
        person.fill_in(
            f"{base}answer/",
            version=version,
            matches=[item.match.uid for item in _items(notice)],
            outcome=rng.choice(list(NoticeOutcome)).value,
            received_at=now,
            code=rng.choice(["", *DisputeCode]),
            statement="They say so.",
        )


def _send_whole(manager: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Send a notice about a claim in a file that came from an address."""
    at_address = Match._base_manager.filter(
        scanned_file__source_url__startswith="http", scanned_file__deleted_at=None
    ).exclude(pk__in=NoticeItem._base_manager.filter(is_open=True).values("match"))
    states = (*WAITING_STATES, *STANDING)
    matches = list(at_address.filter(state__in=states).order_by("pk"))
    if not matches:
        container = Container.objects.present().order_by("pk")[0]
        link = f"{outside.address}/shows/{rng.randrange(2)}.wav"
        manager.fill_in("/links/", container=container.pk, links=link, scan_again="on")
        work()
        return
    match = rng.choice(matches)
    if match.state in WAITING_STATES:
        path = f"/m/{match.uid}/decide"
        manager.fill_in(path, verb="confirm", version=match.version)
    _send(manager, [match], work)


def _send(manager: Person, matches: list[Match], work: Callable[[], None]) -> TakedownNotice | None:
    """Take matches to a sent notice; return it, as far as the portal let it come."""
    keys = list(TakedownNotice._base_manager.values_list("pk", flat=True))
    manager.fill_in(
        "/notices/prepare/",
        match=[match.uid for match in matches],
        law=NoticeLaw.US_512C.value,
        right=ClaimedRight.RECORDING.value,
    )
    notice = TakedownNotice._base_manager.exclude(pk__in=keys).first()
    if notice is None:
        return None
    work()
    base = f"/notices/{notice.uid}/"
    steps: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("edit/", FILLED_IN),
        ("act/", {"verb": "submit"}),
        ("sign/", _SIGNED_BY),
        ("sent/", {"how": "E-mail", "to": "agent"}),
    )
    for name, fields in steps:
        notice.refresh_from_db()
        now = f"{datetime.now(tz=ZoneInfo(manager.zone)):%Y-%m-%dT%H:%M}"
        read = digest_of_document(notice)
        manager.fill_in(f"{base}{name}", version=notice.version, document=read, at=now, **fields)
    notice.refresh_from_db()
    return notice


def _renew(person: Person, manager: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Withdraw a notice that does not hold any more, and send another that does."""
    standing = TakedownNotice._base_manager.filter(state__in=_STANDING).order_by("pk")
    changed = [notice for notice in standing if changed_since_signed(notice)]
    if not changed:
        return
    notice = rng.choice(changed)
    items = _items(notice)
    work()
    _check_listed(manager, notice, bool(changed_since_signed(notice)))
    person.open(f"/notices/{notice.uid}/")
    person.fill_in(f"/notices/{notice.uid}/withdraw/", version=notice.version, why="It changed.")
    notice.refresh_from_db()
    if notice.state != NoticeState.WITHDRAWN:
        return
    _check_listed(manager, notice, False)
    live = [match for item in items if (match := item.match).state in STANDING]
    renewed = _send(manager, live, work) if live else None
    if renewed is not None and renewed.state == NoticeState.SENT:
        wrong = changed_since_signed(renewed)
        check(not wrong, f"{renewed}, just renewed, does not hold: {wrong}")


def _check_listed(manager: Person, notice: TakedownNotice, lapsed: bool) -> None:
    """Check whether the list of what is no longer valid names a notice."""
    manager.open("/notices/?due=lapsed")
    there = any(link == notice.url for link in manager.tabs[0].links)
    check(there == lapsed, f"{notice} is lapsed: {lapsed}; is listed so: {there}")


def notices_hold(person: Person) -> None:
    """Check that numbers have no gap, and that given-up claims mark their notices.

    ``person`` has no access limits.
    """
    numbers: dict[int, list[int]] = defaultdict(list)
    for notice in TakedownNotice._base_manager.exclude(number=None).order_by("pk"):
        numbers[notice.year or 0].append(notice.number or 0)
    for year, numbers_of_year in numbers.items():
        counted = list(range(1, len(numbers_of_year) + 1))
        check(sorted(numbers_of_year) == counted, f"numbers of {year}: {sorted(numbers_of_year)}")
    for notice in TakedownNotice._base_manager.filter(state__in=_STANDING):
        with english(person):
            answer = person.open(f"/notices/{notice.uid}/")
        given_up = [item for item in _items(notice) if not _is_claimed(item)]
        changed = changed_since_signed(notice)
        check(
            (_WARNING in answer.content.decode()) == bool(changed),
            f"{notice} does not hold: {changed}",
        )
        check(changed or not given_up, f"{notice} names matches that were given up: {given_up}")


def _prepare(person: Person, rng: random.Random) -> None:
    claims = list(Match._base_manager.order_by("pk"))
    matches = [match for match in claims if match.state in _CLAIMED] or claims
    if not matches:
        return
    match = rng.choice(matches)
    person.fill_in(
        f"/notices/prepare/?match={match.uid}",
        match=[match.uid],
        law=rng.choice(list(NoticeLaw)).value,
        right=rng.choice(list(ClaimedRight)).value,
    )


def _some_notice(rng: random.Random) -> TakedownNotice | None:
    rows = TakedownNotice._base_manager.exclude(state=NoticeState.WITHDRAWN)
    notices = list(rows.order_by("pk"))
    return rng.choice(notices) if notices else None


def _items(notice: TakedownNotice) -> list[NoticeItem]:
    return list(NoticeItem._base_manager.filter(notice=notice).order_by("pk"))


def _is_claimed(item: NoticeItem) -> bool:
    """Tell whether the match of an item is still a claim."""
    return item.match.state in _CLAIMED
