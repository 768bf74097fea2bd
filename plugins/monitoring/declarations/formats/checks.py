"""Checks that formats share: missing values, codes, roles of writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from django.utils.translation import gettext as _

from catalogue.identifiers import BadIdentifier, check_isrc
from catalogue.models import CodeStatus
from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts, RecordingFacts
from plugins.monitoring.declarations.formats.base import (
    DeclarationFormat,
    MandatoryMissing,
    MissingValue,
    ValueSubject,
)
from plugins.monitoring.declarations.formats.texts import in_ascii, one_line

AUTHORS: Final = frozenset({"CA", "C", "A"})
ARRANGERS: Final = frozenset({"AR", "SR"})
_COMPOSERS: Final = frozenset({"CA", "C"})


def refuse_gaps(layout: DeclarationFormat, facts: DeclarationFacts) -> None:
    """Raise ``MandatoryMissing`` if the format finds gaps."""
    gaps = tuple(layout.gaps(facts))
    if gaps:
        raise MandatoryMissing(gaps)


def required(
    subject: ValueSubject, uid: str, cells: Iterable[tuple[str, object, str]]
) -> Iterator[MissingValue]:
    """Yield a gap for each cell without a value; a cell is name, value and sentence."""
    for cell, value, why in cells:
        content = one_line(value) if isinstance(value, str) else value
        if content is None or content == "":
            yield MissingValue(subject, uid, cell, why)


def unfit_code(
    subject: ValueSubject, uid: str, cell: str, code: str, check: Callable[[str], str]
) -> Iterator[MissingValue]:
    """Yield a gap if a code is malformed; a missing code is no fault."""
    try:
        check(code)
    except BadIdentifier as fault:
        why = _("%(cell)s: %(fault)s. Correct it or remove it.") % {"cell": cell, "fault": fault}
        yield MissingValue(subject, uid, cell, why)


def unfit_ascii(subject: ValueSubject, uid: str, cell: str, text: str) -> Iterator[MissingValue]:
    """Yield a gap for a mandatory text that ASCII cannot hold."""
    plain = in_ascii(text)
    if not plain.lost and (plain.text or not one_line(text)):
        return
    why = _(
        "%(cell)s must be in ASCII, which has no form for “%(lost)s”. Enter it in Latin letters."
    ) % {"cell": cell, "lost": (plain.lost or text)[:20]}
    yield MissingValue(subject, uid, cell, why)


def plain_isrc(code: str) -> str:
    """Return an ISRC without hyphens; raise ``BadIdentifier``."""
    checked = check_isrc(code)
    if checked.status == CodeStatus.MALFORMED:
        raise BadIdentifier(
            _("an ISRC has two letters, three letters or digits, and seven digits, not '%(given)s'")
            % {"given": code}
        )
    return checked.normalised


def artist_name(recording: RecordingFacts) -> str:
    """Return all artists as one name."""
    return _joined(recording.artists)


def full_title(recording: RecordingFacts) -> str:
    """Return the title with that of the version, for formats without a cell for it."""
    if not one_line(recording.title) or not one_line(recording.version_title):
        return recording.title
    return f"{recording.title} ({recording.version_title})"


def composer_names(recording: RecordingFacts) -> str:
    """Return who wrote the music; writers without a role count if no other is known."""
    composers = [writer.name for writer in recording.writers if writer.role in _COMPOSERS]
    unknown = [writer.name for writer in recording.writers if not writer.role]
    return _joined(composers or unknown)


def with_roles(people: Iterable[Contributor], roles: frozenset[str]) -> tuple[Contributor, ...]:
    """Return those of the people who have one of the roles."""
    return tuple(person for person in people if person.role in roles and one_line(person.name))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(name for name in names if one_line(name))
