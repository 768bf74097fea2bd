"""How events and anchors are hashed, and their form in exports.

``docs/audit.md`` describes the same for people who check an export without the portal.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from base.audit.models import Anchor, Event

# The start of the pseudonym that replaces the name of an erased person.
ERASED_PREFIX = "erased-"

# Any in this module: JSON.
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The place where a chain or an anchor is broken, and how."""

    case: str
    sequence: int
    problem: str

    def __str__(self) -> str:
        return f"{self.case} #{self.sequence}: {self.problem}"


def new_salt() -> str:
    """Return a random salt, which keeps people from guessing a sealed name."""
    return secrets.token_hex(16)


def seal(salt: str, name: str) -> str:
    """Return the salted hash of a name, which the chain holds instead of the name."""
    return _sha256(f"{salt}{name}")


def line_of(event: Event) -> Line:
    """Return the exported form of an event."""
    return {
        "case": event.case,
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "actor": event.actor_name,
        "actor_id": event.actor_id,
        "actor_salt": event.actor_salt,
        "actor_digest": event.actor_digest,
        "via": event.via,
        "action": event.action,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "note": event.note,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }


def hash_of(line: Line) -> str:
    """Return the expected hash of an event.

    Name and salt stay out, so that they can be erased without breaking the chain.
    """
    content = {
        name: value for name, value in line.items() if name not in {"actor", "actor_salt", "hash"}
    }
    return _sha256(_canonical(content))


def first_fault(lines: Iterable[Line]) -> ChainFault | None:
    """Return the first line of one case that breaks its chain, in the given order."""
    previous = ""
    for number, line in enumerate(lines, start=1):
        problem = _problem(line, number, previous)
        if problem:
            return ChainFault(str(line.get("case")), number, problem)
        previous = line["hash"]
    return None


def _problem(line: Line, number: int, previous: str) -> str:
    if line["sequence"] != number:
        return f"has number {line['sequence']}: events are missing or moved"
    if line["previous_hash"] != previous:
        return "does not follow the previous event"
    if line["hash"] != hash_of(line):
        return "was changed: its content does not match its hash"
    # Without a salt the name was erased, so there is nothing to compare.
    if line["actor_salt"]:
        if line["actor_digest"] != seal(line["actor_salt"], line["actor"]):
            return f"was not done by {line['actor']}: the name does not match its seal"
    elif not line["actor"].startswith(ERASED_PREFIX):
        return "names a person, but the seal of the name is missing"
    return ""


def anchor_hash(anchor: Anchor) -> str:
    """Return the expected hash of an anchor."""
    content = anchor_line(anchor)
    del content["hash"]
    return _sha256(_canonical(content))


def anchor_line(anchor: Anchor) -> Line:
    """Return the exported form of an anchor."""
    return {
        "day": anchor.day.isoformat(),
        "chains": anchor.chains,
        "events": anchor.events,
        "digest": anchor.digest,
        "previous_hash": anchor.previous_hash,
        "hash": anchor.hash,
    }


def as_json_line(line: Line) -> str:
    """Return one line of a JSON Lines file, with its line end."""
    return f"{_canonical(line)}\n"


def read_json_lines(texts: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of an export; ``ValueError`` names the first invalid line."""
    required = {"case", "sequence", "hash", "previous_hash", "actor", "actor_salt"}
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is not JSON: {error}") from error
        if not isinstance(line, dict) or not required <= line.keys():
            raise ValueError(f"line {number} is not an event of an audit trail")
        yield line


def _canonical(content: Line) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
