"""Sentences that the database keeps in English, in the language of their reader.

Causes of failures are stored once, for everybody (``for_the_record``). Their English
text is that of the catalogue of translations, so the catalogue finds it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext, ngettext, pgettext

from base.common.phrases import lowered

_PLACE = re.compile(r"%\((\w+)\)([ds])")
# Values that are sentences themselves; the others are names and numbers.
_SENTENCES = frozenset({"cause", "clause", "duty", "error", "explanation", "label", "size", "why"})
# Values that are lists of labels and other cells, as a line of a cue sheet says them.
_LISTS = frozenset({"now", "then"})
_BETWEEN = " · "
# A text of little more than values could be anything. Quotes and commas tell, too.
_LEAST_SIGNS = 12
# Longer texts are answers of other servers, which match nothing and take long to try.
_MOST_CHARACTERS = 500
_MOST_NAMES = 3


def read_stored(text: str) -> str:
    """Return a stored sentence in the reader's language.

    What the catalogue lacks stays as it is, such as the answer of another server.
    """
    language = get_language() or settings.LANGUAGE_CODE
    return _read(text, language) if 0 < len(text) <= _MOST_CHARACTERS else text


@lru_cache(maxsize=1000)
def _read(text: str, language: str, names: int = _MOST_NAMES) -> str:
    if (translated := gettext(text)) != text:
        return translated
    for sentence, plural, pattern in _patterns(language):
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            values = {name: _value(name, value, language) for name, value in groups.items()}
            values |= {name: _cells(groups, name) for name in _LISTS & groups.keys()}
            if not plural:
                return _fill_in(gettext(sentence), values)
            count = values.get("count", "")
            number = int(count) if count.isdecimal() else 2
            return _fill_in(ngettext(sentence, plural, number), values)
    # A sentence without values may follow, and a clause may be written as a sentence.
    first, point, last = text.rpartition(". ")
    if point and (translated := gettext(last)) != last:
        return f"{_read(f'{first}.', language, names)} {translated}"
    clause = lowered(text.removesuffix("."))
    if clause[:1] != text[:1] and (translated := _read(clause, language, 0)) != clause:
        return capfirst(translated) + text[len(clause) :]
    # The names of an engine and a file may stand before the sentence.
    name, colon, sentence_text = text.partition(": ")
    if not sentence_text or not names:
        return text
    return f"{name}{colon}{_read(sentence_text, language, names - 1)}"


def _fill_in(sentence: str, values: dict[str, str]) -> str:
    """Put values into a sentence; here the numbers among them are texts, too."""
    return _PLACE.sub(r"%(\1)s", sentence) % values


def _value(name: str, value: str, language: str) -> str:
    """Return a value of a sentence; one that is a sentence or a state has a translation."""
    if name in _SENTENCES:
        return _read(value, language)
    if name == "state":
        label = value[:1].upper() + value[1:]
        word = pgettext("state", label)
        word = gettext(label) if word == label else word
        return value if word == label else lowered(word)
    return value


def _cells(groups: dict[str, str], name: str) -> str:
    """Return a list of cells with its labels translated; titles stand first and stay."""
    cells = groups[name].split(_BETWEEN)
    titles = int(groups.get("then", "").split(_BETWEEN)[0] == groups.get("title"))
    labels = [gettext(cell) if cell else cell for cell in cells[titles:]]
    return _BETWEEN.join([*cells[:titles], *labels])


@lru_cache
def _patterns(language: str) -> list[tuple[str, str, re.Pattern[str]]]:
    """Return the sentences with values and how they look, the most telling first."""
    shapes = []
    for singular, plural in _catalogued(language):
        for sentence in filter(None, (singular, plural)):
            text = _PLACE.sub("", sentence)
            letters = len(re.findall(r"[^\W\d_]", text))
            if _PLACE.search(sentence) and len(re.findall(r"\S", text)) >= _LEAST_SIGNS:
                shape = re.compile(_shape(sentence), re.DOTALL)
                shapes.append((letters, singular, plural, shape))
    shapes.sort(key=lambda row: -row[0])
    return [row[1:] for row in shapes]


def _catalogued(language: str) -> Iterator[tuple[str, str]]:
    """Yield each sentence of a catalogue, with its plural if it has one."""
    for folder in settings.LOCALE_PATHS:
        path = folder / language / "LC_MESSAGES" / "django.mo"
        if not path.is_file():
            continue
        with path.open("rb") as file:
            for message in read_mo(file):
                # Labels have contexts, sentences have none.
                if message.id and not message.context:
                    ids = message.id
                    both = (ids, "") if isinstance(ids, str) else ids
                    yield both[0], both[1]


def _shape(sentence: str) -> str:
    """Return a regular expression for a sentence whose places are filled in.

    Each value ends where the text behind its place first follows: where that leads to
    no end, no later one does, and trying them all would take long.
    """
    first, *places = _PLACE.split(sentence)
    shape = re.escape(first.replace("%%", "%"))
    seen: set[str] = set()
    for index in range(0, len(places), 3):
        name, kind, text = places[index : index + 3]
        behind = re.escape(text.replace("%%", "%"))
        if name in seen:
            shape += f"(?P={name}){behind}"
        elif kind == "d":
            shape += f"(?P<{name}>[0-9]+){behind}"
        elif index + 3 == len(places):
            shape += f"(?P<{name}>.+){behind}"
        else:
            shape += f"(?>(?P<{name}>.+?){behind})"
        seen.add(name)
    return shape
