"""Decides whether a regular expression can match an address with a given beginning.

The parsed expression is walked over the beginning alone, so no complete matching
address has to be found. Lookbehinds and group references are assumed to match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as codes  # type: ignore[attr-defined]  # not in the stubs
from re import _parser as parser  # type: ignore[attr-defined]  # not in the stubs
from typing import Any

_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}

# Any in this module: the nodes of a parsed expression, which the library does not type.


class _WholeBeginningMatches(Exception):
    """Raised when the given beginning ends while the expression still matches."""


def can_begin(pattern: str, beginning: str) -> bool:
    """Return whether the expression can match an address with this beginning."""
    parsed = parser.parse(pattern)
    walk = _Walk(beginning, ignore_case=bool(parsed.state.flags & re.IGNORECASE))
    try:
        # Matched before the beginning ends: any continuation is accepted too.
        return bool(walk.after_all(parsed, 0))
    except _WholeBeginningMatches:
        return True


class _Walk:
    def __init__(self, text: str, *, ignore_case: bool) -> None:
        self._text = text
        self._ignore_case = ignore_case

    def after_all(self, nodes: Iterable[tuple[Any, Any]], start: int) -> set[int]:
        """Return the positions in the text at which a sequence of nodes can end."""
        places = {start}
        for code, value in nodes:
            places = {after for place in places for after in self._after(code, value, place)}
        return places

    def _after(self, code: Any, value: Any, place: int) -> set[int]:
        if place >= len(self._text):
            raise _WholeBeginningMatches
        if code is codes.BRANCH:
            return {after for branch in value[1] for after in self.after_all(branch, place)}
        if code is codes.SUBPATTERN:
            return self.after_all(value[3], place)
        if code is codes.ATOMIC_GROUP:
            return self.after_all(value, place)
        if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
            return self._after_repeat(value, place)
        if code in {codes.ASSERT, codes.ASSERT_NOT}:
            return {place} if self._holds(code, value, place) else set()
        if code is codes.AT:
            at_end = value in {codes.AT_END, codes.AT_END_STRING}
            return set() if at_end else {place}
        if code in {codes.GROUPREF, codes.GROUPREF_EXISTS}:
            raise _WholeBeginningMatches
        return {place + 1} if self._fits(code, value, self._text[place]) else set()

    def _after_repeat(self, value: tuple[int, int, Any], start: int) -> set[int]:
        least, most, body = value
        places, after = {start}, {start} if least == 0 else set()
        for count in range(1, min(most, len(self._text)) + 1):
            places = {start for place in places for start in self.after_all(body, place)}
            if count >= least:
                places -= after if count > least else set()
                after |= places
            if not places:
                break
        return after

    def _holds(self, code: Any, value: Any, place: int) -> bool:
        direction, body = value
        if direction < 0:
            return True
        try:
            is_there = bool(self.after_all(body, place))
        except _WholeBeginningMatches:
            return True
        return is_there is (code is codes.ASSERT)

    def _fits(self, code: Any, value: Any, letter: str) -> bool:
        letters = {letter}
        if self._ignore_case:
            letters |= {letter.lower(), letter.upper()}
        if code is codes.ANY:
            return letter != "\n"
        if code is codes.LITERAL:
            return chr(value) in letters
        if code is codes.NOT_LITERAL:
            return chr(value) not in letters
        assert code is codes.IN, code
        negated = value[0][0] is codes.NEGATE
        return negated is not any(self._in_class(kind, member, letters) for kind, member in value)

    @staticmethod
    def _in_class(kind: Any, value: Any, letters: set[str]) -> bool:
        if kind is codes.LITERAL:
            return chr(value) in letters
        if kind is codes.RANGE:
            return any(value[0] <= ord(letter) <= value[1] for letter in letters)
        if kind is codes.CATEGORY:
            return any(re.match(_CATEGORIES[value], letter) for letter in letters)
        return False
