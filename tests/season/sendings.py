"""Decisions that a browser sends again after its network was cut, or after others decided.

The name that the browser gives a decision lets the portal make it once, for its match
alone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from base.audit.models import Event
from review.choices import DECIDED_STATES, RejectCode
from review.models import Match
from review.services.transitions import only_asides_since
from tests.season.invariants import check
from tests.season.people import Person


@dataclass(frozen=True, slots=True)
class Sending:
    """A decision that waits in a person's browser."""

    uid: str
    fields: dict[str, str]

    def send(self, person: Person) -> None:
        """Send it once."""
        person.fill_in(f"/m/{self.uid}/decide", **self.fields)

    def events(self) -> list[tuple[str, int]]:
        """Return the cases and sequences of the events that this decision made."""
        named = Event.objects.filter(after__sent_as=self.fields["name"])
        return list(named.order_by("pk").values_list("case", "sequence"))


def write(rng: random.Random) -> Sending | None:
    """Decide a match on a page that shows its present version; nothing is sent yet."""
    matches = list(Match._base_manager.exclude(state__in=DECIDED_STATES).order_by("pk"))
    if not matches:
        return None
    match = rng.choice(matches)
    verb = rng.choice(["confirm", "confirm", "clear", "reject", "escalate"])
    fields = {
        "verb": verb,
        "version": str(match.version),
        "name": f"season-{rng.getrandbits(64):x}",
        "note": "Sent from the outbox.",
    }
    if verb == "reject":
        fields["code"] = rng.choice(list(RejectCode)).value
    return Sending(match.uid, fields)


def send_twice(person: Person, sending: Sending) -> None:
    """Send a decision, and again because its answer was lost: it is made once."""
    # Whoever was away too long signs in first, so that both sendings reach the portal.
    person.open("/")
    before = set(sending.events())
    match = Match._base_manager.get(uid=sending.uid)
    sending.send(person)
    made = sending.events()
    reached = {case for case, _sequence in made}
    check(reached <= {f"match:{sending.uid}"}, f"a decision about {sending.uid} changed {reached}")
    written_for = int(sending.fields["version"])
    is_stale = match.version != written_for and not only_asides_since(
        match=match, version=written_for
    )
    check(
        not is_stale or set(made) == before,
        f"a decision about version {written_for} of {sending.uid} changed version {match.version}",
    )
    sending.send(person)
    check(sending.events() == made, f"{sending} was made twice")
