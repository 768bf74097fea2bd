"""The catalogues of translations: collect texts, merge, compile, list missing ones.

``python -m acrportal.translations`` brings locale/ up to date; with ``--check`` it
changes nothing and fails if a text lacks its translation. Babel does the work, so
gettext's own tools are not needed.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import django
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.utils.translation.template import templatize

from base.audit.labels import action_text, named_actions
from base.common.phrases import derived_names, own_apps
from review import match_events
from review.choices import Verb

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
REFERENCE = "en"
# Documents for others, which stay English: evidence packs and the API's description.
_ENGLISH = (
    *(
        "reports/evidence/building.py",
        "reports/evidence/services.py",
        "reports/evidence/signing.py",
    ),
    *("reports/evidence/summary.py", "reports/evidence/explanations.py", "templates/evidence/"),
    *("web/acrapi/", "templates/acrapi/"),
)
# Folders of plug-ins, too; answers in the wire format stay English.
_SKIPPED = {"benchmarks", "docs", "migrations", "tests", "wire"}
_KEYWORDS = {
    "_": None,
    "lazy": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}


def languages() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(path.name for path in LOCALE.iterdir() if path.is_dir())


@cache
def collect() -> Catalog:
    """Return a catalogue of every text that is marked for translation."""
    catalogue = Catalog(charset="utf-8")
    for path in _sources():
        name = path.relative_to(ROOT).as_posix()
        for text, context in _texts(path):
            catalogue.add(text, locations=[(name, 0)], context=context)
    for text in {*derived_names(), *_actions()}:
        catalogue.add(text, locations=[("derived from names", 0)])
    return catalogue


def _actions() -> Iterator[str]:
    """Yield the labels of the audit's actions."""
    # An argument ``action=``, one of a helper ``_record…``, a constant, or a member of
    # an enumeration of actions.
    written = re.compile(
        r'(?:\baction ?= ?|\b_record\w*\([^"()]*+(?:\([^"()]*+\))?+[^"()]*+|_ACT(?:: Final)? = )'
        r'"(?!store_)([a-z][a-z_.]+)"(?: if [\w.]+ else "([a-z][a-z_.]+)")?'
    )
    actions = re.compile(r"class \w+(?:Verb|Step)\(StrEnum\):\n(?:    .*\n|\n)+")
    member = re.compile(r'    [A-Z_]+ = "([a-z_]+\.[a-z_]+)"\n')
    for path in _sources():
        if path.suffix == ".py":
            source = path.read_text(encoding="utf-8")
            for groups in written.findall(source):
                yield from map(action_text, filter(None, groups))
            for enumeration in actions.findall(source):
                yield from map(action_text, member.findall(enumeration))
    yield from map(action_text, (*Verb.values, *named_actions()))
    constants = (name for name in vars(match_events) if name.isupper())
    names = (getattr(match_events, constant) for constant in constants)
    yield from (action_text(name) for name in names if isinstance(name, str))
    verbs: Any = apps.get_model("dedup", "DedupAction")._meta.get_field("verb")
    for word in [*verbs.choices, ("undo", ""), ("proposed", ""), ("refused", "")]:
        yield action_text(f"dedup.{word[0]}")


def _sources() -> Iterator[Path]:
    """Yield the modules and templates of the own applications, in order."""
    own = (config.name.partition(".")[0] for config in own_apps())
    for package in sorted({*own, "templates"} - {"acrportal"}):
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT)
            skipped = name.as_posix().startswith(_ENGLISH) or not _SKIPPED.isdisjoint(name.parts)
            if path.suffix in {".py", ".html", ".txt"} and not skipped:
                yield path


def _texts(path: Path) -> Iterator[tuple[str | tuple[str, ...], str | None]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Indentation means nothing in templates, but would confuse Python's tokens.
        source = re.sub(r"(?m)^\s+", "", templatize(source, origin=str(path)))
    # Babel takes bytes without a mark of their encoding for UTF-8.
    file = io.BytesIO(source.encode())
    for _line, call, arguments, _notes in extract_python(file, _KEYWORDS, (), {}):
        argument_texts: Any = arguments
        texts: list[Any] = (
            [argument_texts] if isinstance(argument_texts, str) else list(argument_texts or ())
        )
        context = texts.pop(0) if str(call).startswith("pgettext") else None
        message = texts[: 2 if str(call).startswith("ngettext") else 1]
        if message and all(isinstance(text, str) and text for text in message):
            yield (message[0] if len(message) == 1 else tuple(message)), context


def read(language: str) -> Catalog:
    """Return a language's catalogue as it is stored."""
    with _po(language).open("rb") as file:
        return read_po(file, locale=language)


def write(catalogue: Catalog, language: str) -> None:
    """Store a catalogue, and compile it for Django."""
    with _po(language).open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, include_lineno=False)
    with _po(language).with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)


def compiled(catalogue: Catalog) -> bytes:
    """Return the bytes that Django reads."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def update(language: str) -> None:
    """Merge the collected texts into a language's catalogue."""
    catalogue = read(language)
    catalogue.update(collect(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    write(catalogue, language)


def faults(language: str) -> list[str]:
    """Return what keeps a language from being offered, one line each."""
    catalogue = read(language)
    lines = [
        f"{language}: not translated: {_show_key(message)}"
        for message in collect()
        if message.id and not _is_done(catalogue.get(_key(message), message.context))
    ]
    for message in catalogue:
        if message.id:
            lines += [
                f"{language}: {error}: {_show_key(message)}"
                for error in map(str, message.check(catalogue))
            ]
    if compiled(catalogue) != _po(language).with_suffix(".mo").read_bytes():
        lines.append(f"{language}: django.mo is older than django.po")
    return lines


def _po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _show_key(message: Message) -> str:
    return repr(_key(message))


def _is_done(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    texts = message.string
    return bool(texts) if isinstance(texts, str) else all(texts or ("",))


def main(options: Sequence[str] | None = None) -> int:
    """Update or check the catalogues; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--add", metavar="LANGUAGE", help="begin a catalogue")
    arguments = parser.parse_args(options)
    if arguments.add:
        _po(arguments.add).parent.mkdir(parents=True, exist_ok=True)
        fresh = Catalog(
            arguments.add,
            header_comment="# Translations of acrportal; see docs/development.md.",
            project="acrportal",
            fuzzy=False,
        )
        write(fresh, arguments.add)
    if not arguments.check:
        for language in languages():
            update(language)
    lines = [fault for language in languages() for fault in faults(language)]
    sys.stdout.write("\n".join(lines or [f"Complete: {', '.join(languages())}"]) + "\n")
    return bool(lines)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    django.setup()
    sys.exit(main())
