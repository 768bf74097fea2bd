"""Reads dumps of ACRCloud's File Scanning API: responses of list and show.

A dump is one response, a list of responses or of files, or one of these per line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from imports.results.found import READY, FoundFile, Json, ResultFault

_FINISHED = (1, -1, -2, -3)


def is_file_scanning(documents: Iterable[Any]) -> bool:  # Any: JSON
    """Tell whether any document contains files of the API."""
    return any("state" in file for file in _files(documents))


def read_documents(documents: Iterable[Any]) -> Iterator[FoundFile | ResultFault]:
    """Yield each file of the responses; ``line`` is its number in the dump, from 1."""
    for number, file in enumerate(_files(documents), start=1):
        yield _read(number, file)


def _files(documents: Iterable[Any]) -> Iterator[Json]:
    for document in documents:
        if isinstance(document, list):
            yield from _files(document)
        elif isinstance(document, dict) and isinstance(document.get("data"), list | dict):
            yield from _files([document["data"]])
        elif isinstance(document, dict):
            yield document


def _read(number: int, file: Json) -> FoundFile | ResultFault:
    name, state = file.get("name"), file.get("state")
    if not isinstance(name, str) or not name.strip():
        return ResultFault(number, "name", _("The file has no name."))
    if isinstance(state, bool) or not isinstance(state, int):
        return ResultFault(number, "state", _("%(name)s: the state is missing.") % {"name": name})
    if state not in _FINISHED:
        return ResultFault(
            number,
            "state",
            _("%(name)s was still being scanned (state %(state)s).")
            % {"name": name, "state": state},
        )
    if state == READY and not isinstance(file.get("results"), dict | list):
        return ResultFault(
            number,
            "results",
            _(
                "%(name)s has results that the dump does not contain. Dump "
                "it again with with_result=1."
            )
            % {"name": name},
        )
    results = file.get("results")
    return FoundFile(
        line=number,
        name=name,
        state=state,
        results=results if isinstance(results, dict) else {"music": results or []},
        remote_id=str(file.get("id") or "")[:64],
        url=_link(file),
        duration_ms=milliseconds(file.get("duration")),
        scanned_at=str(file.get("updated_at") or file.get("created_at") or "")[:19],
    )


def _link(file: Json) -> str:
    url = file.get("url") or file.get("uri")
    is_link = isinstance(url, str) and url.startswith(("http://", "https://"))
    return str(url)[:2000] if is_link else ""


def milliseconds(seconds: object) -> int:
    """Return seconds as a number or a decimal text in milliseconds; else 0."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | str):
        return 0
    try:
        value = float(seconds)
    except ValueError:
        return 0
    return round(1000 * value) if 0 <= value < 1e8 else 0
