"""Submits many links at once, from text, a CSV file or a feed."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from common.charsets import decode_text
from common.table_text import one_form, separator_of
from scanning.errors import IntakeRefused, LinkSeen
from scanning.models import Container, ScannedFile
from scanning.services.intake import FileDetails, room_for, submit_link
from scanning.sources.feeds import FeedItem, safe_title

_LINK = re.compile(r"\w+://[^\s<>\"'`]+")
# Punctuation that ends a sentence rather than a link.
_TRAILING = ".,;:!?)]}»”’"
_URL_COLUMNS = ("url", "link", "address", "source_url", "webpage_url")
_NAME_COLUMNS = ("name", "title")


@dataclass(frozen=True, slots=True)
class WantedLink:
    """A link with its metadata."""

    url: str
    name: str = ""
    details: FileDetails = field(default_factory=FileDetails)


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """The file of a submitted link, or why it was refused.

    ``earlier`` is the file of a link that was submitted before.
    """

    url: str
    file: ScannedFile | None = None
    code: str = ""
    message: str = ""
    earlier: ScannedFile | None = None


def submit_links(
    *,
    container: Container,
    links: Sequence[WantedLink],
    user: User,
    scan_again: bool = False,
) -> list[LinkOutcome]:
    """Submit links one by one; a refused link does not stop the rest.

    The call returns early once one request or the person's open files have no more
    room. Links already submitted take no room, so submitting the same list again
    continues where it stopped.
    """
    # These limits keep one request short and one person's backlog small.
    room = min(settings.DATA_UPLOAD_MAX_NUMBER_FILES, room_for(user))
    outcomes: list[LinkOutcome] = []
    for link in links:
        if not room:
            break
        outcomes.append(_submit(container, link, user, scan_again))
        room -= outcomes[-1].file is not None
    return outcomes


def _submit(
    container: Container, link: WantedLink, user: User, scan_again: bool
) -> LinkOutcome:
    try:
        file = submit_link(
            container=container,
            url=link.url,
            user=user,
            details=link.details,
            name=link.name,
            scan_again=scan_again,
            waited_for=True,
        )
    except LinkSeen as seen:
        return LinkOutcome(
            link.url, code=seen.code, message=str(seen), earlier=seen.earlier
        )
    except IntakeRefused as refused:
        return LinkOutcome(link.url, code=refused.code, message=str(refused))
    return LinkOutcome(link.url, file=file)


def links_of_text(text: str) -> list[WantedLink]:
    """Return every link in a pasted text, and each line that contains none as is."""
    wanted = []
    for line in text.splitlines():
        found = [link.rstrip(_TRAILING) for link in _LINK.findall(line)]
        wanted += [WantedLink(link) for link in found or [line.strip()] if link]
    return wanted


def links_of_csv(content: bytes) -> list[WantedLink]:
    """Return the links of a CSV file; raise ``IntakeRefused`` if it has none.

    The column is named url, link or similar; without such a header it is the first
    column that contains a link. Programme, account, external_id and name are read too.
    """
    rows = rows_of_csv(content)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((header.index(name) for name in _URL_COLUMNS if name in header), None)
    if column is not None:
        return [link for row in rows[1:] if (link := _wanted(row, header, column))]
    column = next(
        (at for row in rows for at, cell in enumerate(row) if "://" in cell), None
    )
    if column is None:
        raise IntakeRefused(
            "bad_csv",
            _(
                "The CSV file has no column of links. Name it 'url', or put one link on "
                "each line."
            ),
        )
    return [link for row in rows if (link := _wanted(row, [], column))]


def links_of_items(items: Sequence[FeedItem]) -> list[WantedLink]:
    """Return the items of a feed as links with the feed's metadata."""
    return [
        WantedLink(
            item.url,
            name=safe_title(item),
            details=FileDetails(
                account=item.account[:300], published_at=item.published_at
            ),
        )
        for item in items
    ]


def rows_of_csv(content: bytes) -> list[list[str]]:
    """Return the rows of a CSV file that are not empty; raise ``IntakeRefused``."""
    text = one_form(decode_text(content.removeprefix(codecs.BOM_UTF8)))
    if "\0" in text:
        raise IntakeRefused(
            "bad_csv", _("This is not a CSV file: it holds binary data.")
        )
    separator, is_named = separator_of(text)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise IntakeRefused(
            "bad_csv", _("The CSV file cannot be read: %(error)s.") % {"error": error}
        ) from error
    return [row for row in rows[is_named:] if any(cell.strip() for cell in row)]


def name_of_cells(cells: Mapping[str, str]) -> str:
    """Return the name that a row of a table gives, by the names of its columns."""
    return next((cells[name] for name in _NAME_COLUMNS if cells.get(name)), "")


def details_of_cells(cells: Mapping[str, str]) -> FileDetails:
    """Return the metadata that a row of a table gives."""
    return FileDetails(
        programme=cells.get("programme", "")[:300],
        account=cells.get("account", "")[:300],
        external_id=cells.get("external_id", "")[:200],
    )


def _wanted(row: list[str], header: list[str], column: int) -> WantedLink | None:
    url = row[column].strip() if column < len(row) else ""
    if not url:
        return None
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
    return WantedLink(url, name_of_cells(cells), details_of_cells(cells))
