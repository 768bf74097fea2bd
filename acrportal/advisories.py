"""Known vulnerabilities of the pinned packages: ``python -m acrportal.advisories``.

It compares every pin with the advisories in ``requirements/advisories.json``, a dated
excerpt of the Python Packaging Advisory Database, so it needs no network. ``--update
FOLDER`` makes the excerpt anew from a checkout of github.com/pypa/advisory-database.
Exits with 1 if a pin is affected, or if the excerpt cannot tell: it is old or empty.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "requirements" / "advisories.json"
_LISTS = ("requirements.txt", "requirements/dev.txt", "requirements/runtime.txt")
_PIN = re.compile(r"^([a-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s\\;]+)", re.MULTILINE)
_OLD_DAYS = 30
_SUMMARY_CHARACTERS = 160

# Any in this module: JSON and YAML in the format of osv.dev.
Advisory = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The excerpt of the database, as of the day of its newest change."""

    source: str
    as_of: date
    advisories: list[Advisory]

    @classmethod
    def read(cls, path: Path = SNAPSHOT) -> Snapshot:
        """Read the excerpt."""
        content = json.loads(path.read_text(encoding="utf-8"))
        as_of = date.fromisoformat(content["as_of"])
        return cls(content["source"], as_of, content["advisories"])


def main(argv: Sequence[str] | None = None) -> int:
    """Compare or update; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", type=Path, metavar="FOLDER")
    options = parser.parse_args(argv)
    if options.update:
        update(options.update)
    snapshot, pins = Snapshot.read(), read_pins()
    vulnerabilities = list(affecting(snapshot.advisories, pins))
    sys.stdout.write(f"List of {snapshot.as_of}: {snapshot.source}\n")
    for line in vulnerabilities:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(
        f"{len(vulnerabilities)} vulnerabilities that were known on {snapshot.as_of}, by "
        f"{len(snapshot.advisories)} advisories about {len(pins)} pins.\n"
    )
    doubt = doubts(snapshot, pins, datetime.now(tz=UTC).date())
    if doubt:
        sys.stdout.write(f"{doubt}\n")
    return 1 if vulnerabilities or doubt else 0


def doubts(snapshot: Snapshot, pins: dict[str, str], today: date) -> str:
    """Return why the snapshot says nothing of the present, if it does not."""
    if not snapshot.advisories or not pins:
        return "NOT CHECKED: there are no advisories or no pins to compare."
    days = (today - snapshot.as_of).days
    if days <= _OLD_DAYS:
        return ""
    return (
        f"NOT CHECKED SINCE {snapshot.as_of}: the advisories are {days} days old, so "
        "later ones are missing. Update them (python -m acrportal.advisories --update "
        "FOLDER), or with a network run pip-audit --require-hashes --disable-pip -r "
        "requirements/runtime.txt."
    )


def read_pins() -> dict[str, str]:
    """Return the pinned version of each package."""
    pins: dict[str, str] = {}
    for name in _LISTS:
        pins.update(_PIN.findall((ROOT / name).read_text(encoding="utf-8")))
    return pins


def affecting(advisories: Iterable[Advisory], pins: dict[str, str]) -> Iterator[str]:
    """Yield a line for each advisory about a pinned version."""
    for advisory in advisories:
        pin = pins.get(advisory["package"])
        if pin is not None and _affects(advisory, Version(pin)):
            names = ", ".join([advisory["id"], *advisory["aliases"]])
            yield f"{advisory['package']} {pin}: {names}: {advisory['summary']}"


def _affects(advisory: Advisory, version: Version) -> bool:
    """Evaluate ranges and versions (github.com/ossf/osv-schema, *Evaluation*)."""
    if str(version) in advisory["versions"]:
        return True
    affected = False
    for event in sorted(advisory["events"], key=_version_of):
        if _version_of(event) > version:
            break
        kind = next(iter(event))
        if kind == "last_affected":
            affected = affected and _version_of(event) == version
        else:
            affected = kind == "introduced"
    return affected


def _version_of(event: dict[str, str]) -> Version:
    return Version(next(iter(event.values())))


def update(checkout: Path) -> None:
    """Write the excerpt of the advisories about pinned packages."""
    commit, changed = subprocess.run(  # noqa: S603 - git itself
        ["git", "-C", str(checkout), "log", "-1", "--format=%H %cs"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    advisories = [
        advisory
        for name in sorted(read_pins())
        for path in sorted((checkout / "vulns" / name).glob("*.yaml"))
        for advisory in _excerpt(name, path)
    ]
    content = {
        "source": f"github.com/pypa/advisory-database at {commit}, CC BY 4.0",
        "as_of": changed,
        "advisories": advisories,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    SNAPSHOT.write_text(f"{text}\n", encoding="utf-8")


def _excerpt(name: str, path: Path) -> Iterator[Advisory]:
    # Of the tests' packages: only an update needs it.
    import yaml

    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "withdrawn" in record:
        return
    events, versions = [], set()
    for affected in record["affected"]:
        for span in affected.get("ranges", []):
            if span["type"] == "ECOSYSTEM":
                events += [e for e in span["events"] if _is_comparable(e)]
        if not events:
            versions.update(affected.get("versions", []))
    summary = " ".join(str(record.get("summary") or record["details"]).split())
    yield {
        "id": record["id"],
        "aliases": record.get("aliases", []),
        "package": name,
        "summary": summary[:_SUMMARY_CHARACTERS],
        "events": events,
        "versions": sorted(versions),
    }


def _is_comparable(event: dict[str, str]) -> bool:
    try:
        _version_of(event)
    except InvalidVersion:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
