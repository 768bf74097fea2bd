"""Kinds of imports: what their two steps are, and who writes down what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.module_loading import import_string

from imports.models import Import
from jobs.kinds import Kind

Columns = dict[str, Any]  # Any: of an import's own row


class ImportWork(Protocol):
    """Imports a file, or only checks it (``dry``); returns the outcome's columns.

    Raises ``ImportRefused`` if the file is unusable.
    """

    def __call__(
        self, one: Any, heartbeat: Callable[[], None], *, dry: bool
    ) -> Columns:  # Any: an import of the kind
        """Do it; ``heartbeat`` is called for each entry."""


@dataclass(frozen=True, slots=True)
class ImportKind:
    """One kind of import; ``work`` is the path of an ``ImportWork``."""

    model: type[Import]
    check: Kind
    carry_out: Kind
    undo_check: Kind
    undo: Kind
    work: str
    event: str
    """Beginning of the names of its audit events."""
    file_label: str
    """Name of the file in audit events."""

    def load_work(self) -> ImportWork:
        """Import the function that does the work."""
        work: ImportWork = import_string(self.work)
        return work
