"""The tags of a file: free words, and the territories in which it was used."""

from __future__ import annotations

from collections.abc import Iterable

TERRITORY_TAG = "territory:"


def territories_of(tags: Iterable[object]) -> list[str]:
    """Return the codes of the territories that the tags name, in capitals."""
    codes = (str(tag)[len(TERRITORY_TAG) :].strip().upper() for tag in tags if _is_territory(tag))
    return list(dict.fromkeys(code for code in codes if code))


def words_of(tags: Iterable[object]) -> list[str]:
    """Return the tags that name no territory."""
    return [str(tag) for tag in tags if not _is_territory(tag)]


def tags_of(*, territories: Iterable[str], words: Iterable[str]) -> list[str]:
    """Return territories and free words as a file stores them."""
    named = (f"{TERRITORY_TAG}{code}" for code in territories)
    return list(dict.fromkeys([*named, *words]))


def _is_territory(tag: object) -> bool:
    return str(tag).lower().startswith(TERRITORY_TAG)
