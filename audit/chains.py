"""How events and anchors are hashed, and what their lines look like outside.

``docs/audit.md`` tells the same to whoever checks an export without the portal.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from audit.models import Anchor, Event

# What is put in the place of the name of a person whose data was erased.
ERASED_PREFIX = "erased-"

# Any in this module: JSON.
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a trail does not hold, in words."""

    case: str
    sequence: int
    problem: str

    def __str__(self) -> str:
        return f"{self.case} #{self.sequence}: {self.problem}"


def new_salt() -> str:
    """Return what keeps a sealed name from being guessed."""
    return secrets.token_hex(16)


def seal(salt: str, name: str) -> str:
    """Return what the chain holds of a name."""
    return _sha256(f"{salt}{name}")


def line_of(event: Event) -> Line:
    """Return an event as an export holds it."""
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
    """Return the hash that an event must carry."""
    held = {
        name: value
        for name, value in line.items()
        if name not in {"actor", "actor_salt", "hash"}
    }
    return _sha256(_canonical(held))


def first_fault(lines: Iterable[Line]) -> Fault | None:
    """Return the first line of one case that does not fit, in their given order."""
    previous = ""
    for number, line in enumerate(lines, start=1):
        problem = _problem(line, number, previous)
        if problem:
            return Fault(str(line.get("case")), number, problem)
        previous = line["hash"]
    return None


def _problem(line: Line, number: int, previous: str) -> str:
    if line["sequence"] != number:
        return f"number {line['sequence']} stands here: events are missing or moved"
    if line["previous_hash"] != previous:
        return "does not follow the event before it"
    if line["hash"] != hash_of(line):
        return "was changed: its content does not give its hash"
    if line["actor_salt"]:
        if line["actor_digest"] != seal(line["actor_salt"], line["actor"]):
            return f"was not done by {line['actor']}: the name is not the sealed one"
    elif not line["actor"].startswith(ERASED_PREFIX):
        return "names somebody, but the seal of the name is gone"
    return ""


def anchor_hash(anchor: Anchor) -> str:
    """Return the hash that an anchor must carry."""
    return _sha256(
        _canonical(
            {
                "day": anchor.day.isoformat(),
                "chains": anchor.chains,
                "events": anchor.events,
                "digest": anchor.digest,
                "previous_hash": anchor.previous_hash,
            }
        )
    )


def anchor_line(anchor: Anchor) -> Line:
    """Return an anchor as an export holds it."""
    return {
        "day": anchor.day.isoformat(),
        "chains": anchor.chains,
        "events": anchor.events,
        "digest": anchor.digest,
        "previous_hash": anchor.previous_hash,
        "hash": anchor.hash,
    }


def as_json_line(line: Line) -> str:
    """Return a line of a JSON Lines file, with its end."""
    return f"{_canonical(line)}\n"


def read_json_lines(texts: Iterable[str]) -> Iterator[Line]:
    """Return the lines of an export; raise ``ValueError`` naming one that is none."""
    wanted = {"case", "sequence", "hash", "previous_hash", "actor", "actor_salt"}
    for number, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON: {error}") from error
        if not isinstance(line, dict) or not wanted <= line.keys():
            raise ValueError(f"line {number} is not an event of an audit trail")
        yield line


def _canonical(content: Line) -> str:
    return json.dumps(
        content, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
