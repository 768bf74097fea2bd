"""Finds texts whether people type their joiners or not; most keyboards have none.

This replaces Django's lookups ``icontains`` and ``istartswith``, for all searches at once.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.models import CharField, JSONField, TextField
from django.db.models.lookups import IContains, IStartsWith

from base.common.outside_text import JOINERS, without_joiners

# Joiners, and the letters of scripts that use them. Other searches stay as they are.
_JOINED: Final = re.compile(
    f"[{JOINERS}\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u2600-\u27bf"
    "\ua840-\uabff\ufb50-\ufdff\ufe70-\ufefe\U0001e900-\U0001e95f\U0001f000-\U0001faff]"
)
# SQLite keeps the characters of JSON as these.
_ESCAPED: Final = tuple(f"\\u{ord(joiner):04x}" for joiner in JOINERS)


class _WithoutJoiners:
    """A comparison of texts that leaves their joiners out."""

    # Any in this class: Django's own signatures.
    removed: tuple[str, ...] = tuple(JOINERS)
    rhs: Any

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, rhs)  # type: ignore[call-arg]  # of the lookup beside it
        self.leaves_out = isinstance(rhs, str) and self.is_joined(rhs)
        if self.leaves_out:
            self.rhs = without_joiners(self.rhs)

    def is_joined(self, text: str) -> bool:
        """Return whether a searched text may be written with joiners."""
        return _JOINED.search(text) is not None

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        """Return the column, without the joiners in it."""
        column, values = super().process_lhs(compiler, connection, lhs)  # type: ignore[misc]
        if self.leaves_out:
            for text in self.removed:
                column = f"REPLACE({column}, '{text}', '')"
        return column, values


class _InJson(_WithoutJoiners):
    """The same for JSON, in which characters may be escaped."""

    removed = (*JOINERS, *_ESCAPED)

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, rhs)
        if self.leaves_out:
            for text in _ESCAPED:
                self.rhs = self.rhs.replace(text, "")

    def is_joined(self, text: str) -> bool:
        """Return whether a searched text may be written with joiners."""
        return "\\u" in text or super().is_joined(text)


class _Contains(_WithoutJoiners, IContains):
    pass


class _StartsWith(_WithoutJoiners, IStartsWith):
    pass


class _JsonContains(_InJson, IContains):
    pass


def install() -> None:
    """Replace the lookups."""
    for field in (CharField, TextField):
        field.register_lookup(_Contains)
        field.register_lookup(_StartsWith)
    JSONField.register_lookup(_JsonContains)
