"""Submits many links at once, from text, a CSV file or a feed."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.common.charsets import decode_text
from base.common.reading import read_number
from base.common.table_text import one_form, separator_of
from scanning.errors import IntakeRefused, LinkSeen
from scanning.models import Container, ScannedFile
from scanning.services.intake import Details, room_for, submit_link
from scanning.sources.feeds import FeedItem, safe_title
from scanning.sources.link_texts import links_in

# A line of this length holds more links than one submit takes.
LONGEST_LINE = 50_000
# Rows of a file of links; each submit reads the file again.
_MOST_ROWS = 20_000
_URL_COLUMNS = ("url", "link", "address", "source_url", "webpage_url")
# Words in the name of a column of links, in the portal's languages.
_URL_WORD = re.compile(r"(?:ur[il]|link)s?(?![^\W_])|(?<![^\W_])(?:enlaces?|liens?)(?![^\W_])")
# Enough to see which column holds links.
_SAMPLE_ROWS = 200
# Columns of addresses that lead to no item.
_NO_ITEMS = ("thumb", "image", "picture", "avatar", "channel", "profile", "cover", "icon")
_NAME_COLUMNS = ("name", "title")


@dataclass(frozen=True, slots=True)
class WantedLink:
    """A link with its metadata."""

    url: str
    name: str = ""
    details: Details = field(default_factory=dict)


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
    *, container: Container, links: Sequence[WantedLink], user: User, scan_again: bool = False
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


def _submit(container: Container, link: WantedLink, user: User, scan_again: bool) -> LinkOutcome:
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
        return LinkOutcome(link.url, code=seen.code, message=str(seen), earlier=seen.earlier)
    except IntakeRefused as refused:
        return LinkOutcome(link.url, code=refused.code, message=str(refused))
    return LinkOutcome(link.url, file=file)


def links_of_text(text: str) -> list[WantedLink]:
    """Return every link in a pasted text, and each line that contains none as is.

    Raise ``IntakeRefused`` for a line that is too long.
    """
    links = []
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise IntakeRefused(
                "line_too_long",
                _(
                    "Line %(number)d has more than %(most)s characters. Put each link on "
                    "a line of its own."
                )
                % {"number": number, "most": read_number(LONGEST_LINE)},
            )
        links += [WantedLink(link) for link in links_in(line) or [line.strip()] if link]
    return links


def links_of_csv(content: bytes) -> list[WantedLink]:
    """Return the links of a CSV file; raise ``IntakeRefused`` if it has none.

    The column is named url, link or similar, or its name contains such a word; without
    one it is the first column that contains a link. Programme, account, external_id and
    name are read too.
    """
    if max(content.count(b"\n"), content.count(b"\r")) > _MOST_ROWS:
        raise IntakeRefused(
            "bad_csv",
            _("The CSV file has more than %(most)s lines. Split it.")
            % {"most": read_number(_MOST_ROWS)},
        )
    rows = rows_of_csv(content)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = _column_named(header, rows[1 : 1 + _SAMPLE_ROWS])
    if column is not None:
        return [link for row in rows[1:] for link in _links_of_row(row, header, column)]
    sample = rows[:_SAMPLE_ROWS]
    column = next((at for row in sample for at, cell in enumerate(row) if links_in(cell)), None)
    if column is None:
        raise IntakeRefused(
            "bad_csv",
            _("The CSV file has no column of links. Name it 'url', or put one link on each line."),
        )
    if len(header) > column and not links_in(header[column]):
        # A header in another language.
        return [link for row in rows[1:] for link in _links_of_row(row, header, column)]
    return [link for row in rows for link in _links_of_row(row, [], column)]


def links_of_items(items: Sequence[FeedItem]) -> list[WantedLink]:
    """Return the items of a feed as links with the feed's metadata."""
    return [
        WantedLink(
            item.url,
            name=safe_title(item),
            details={"account": item.account[:300], "published_at": item.published_at},
        )
        for item in items
    ]


def rows_of_csv(content: bytes) -> list[list[str]]:
    """Return the rows of a CSV file that are not empty; raise ``IntakeRefused``."""
    text = one_form(decode_text(content.removeprefix(codecs.BOM_UTF8)))
    if "\0" in text:
        raise IntakeRefused("bad_csv", _("This is not a CSV file: it holds binary data."))
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


def details_of_cells(cells: Mapping[str, str]) -> Details:
    """Return the metadata that a row of a table gives."""
    columns: Any = ScannedFile._meta  # Any: of columns of texts
    return {
        name: cells.get(name, "")[: columns.get_field(name).max_length]
        for name in ("programme", "account", "external_id")
    }


def _column_named(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the column of links by its name; None if no name tells.

    Of several, it is one that holds links, of items rather than of pictures and people.
    """
    if exact := [name for name in _URL_COLUMNS if name in header]:
        return header.index(exact[0])
    named = [
        (
            not any(len(row) > at and links_in(row[at]) for row in rows),
            any(word in name for word in _NO_ITEMS),
            at,
        )
        for at, name in enumerate(header)
        if _URL_WORD.search(name) and not links_in(name)
    ]
    return min(named)[-1] if named else None


def _links_of_row(row: list[str], header: list[str], column: int) -> list[WantedLink]:
    """Return the links in a row's cell; what is none as it is, to be refused by name."""
    cell = row[column].strip() if column < len(row) else ""
    cells = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
    return [
        WantedLink(url, name_of_cells(cells), details_of_cells(cells))
        for url in links_in(cell) or [cell]
        if url
    ]
