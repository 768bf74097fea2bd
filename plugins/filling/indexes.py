"""Where the indexes of sources lie on this machine, and how they are opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from plugins.filling.errors import EnrichmentRefused
from plugins.filling.models import EnrichmentSource
from plugins.filling.open_data.index import SourceIndex
from plugins.filling.open_data.kinds import source_kinds

_FOLDER: Final = "enrichment"
_INCOMING: Final = "incoming"

Opened = list[tuple[EnrichmentSource, SourceIndex]]


def folder() -> Path:
    """Return the folder of indexes, which is made if need be."""
    path: Path = settings.ACRPORTAL_DATA_DIR / _FOLDER
    path.mkdir(parents=True, exist_ok=True)
    return path


def incoming() -> Path:
    """Return the folder where an operator puts files to read."""
    path = folder() / _INCOMING
    path.mkdir(exist_ok=True)
    return path


def index_path(source: EnrichmentSource) -> Path:
    """Return the file of a source's index."""
    return folder() / f"{source.uid}.sqlite3"


@contextmanager
def open_indexes() -> Iterator[Opened]:
    """Yield the sources that were read, each with its index.

    While a source is read again, its earlier index counts. Raises ``EnrichmentRefused``
    if an index is not on this machine: without it, its suggestions would all end.
    """
    with ExitStack() as stack:
        opened: Opened = []
        for source in EnrichmentSource.objects.exclude(read_at=None).order_by("pk"):
            path = index_path(source)
            if not path.exists():
                raise EnrichmentRefused(
                    "no_index",
                    _(
                        "The index of %(name)s is not on this machine. Read the source "
                        "again here, or delete it."
                    )
                    % {"name": source.name},
                )
            index = source_kinds()[source.kind].open(path)
            opened.append((source, stack.enter_context(index)))
        yield opened
