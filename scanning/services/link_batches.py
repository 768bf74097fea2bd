"""Many links at once: pasted in any text, from a CSV file, or chosen from a feed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from accounts.models import User
from scanning.errors import IntakeRefused
from scanning.models import Container, ScannedFile
from scanning.services.intake import FileDetails, submit_link
from scanning.services.open_files import room_for
from scanning.sources.feeds import FeedItem, safe_title

_LINK = re.compile(r"\w+://[^\s<>\"'`]+")
_TRAILING = ".,;:!?)]}»”’"
_URL_COLUMNS = ("url", "link", "address", "source_url", "webpage_url")
_NAME_COLUMNS = ("name", "title")


@dataclass(frozen=True, slots=True)
class WantedLink:
    """A link with what is said about it."""

    url: str
    name: str = ""
    details: FileDetails = field(default_factory=FileDetails)


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """What became of one link: its file, or why it was refused."""

    url: str
    file: ScannedFile | None = None
    code: str = ""
    message: str = ""


def submit_links(
    *,
    container: Container,
    links: Sequence[WantedLink],
    user: User,
    scan_again: bool = False,
) -> list[LinkOutcome]:
    """Submit each link on its own; one that is refused stops no other.

    The person waits for them, looking at a page. Those for which there is no room in
    one submit, or among the person's open files, are left out at the end. What was
    taken before takes no room, so the same links can be submitted until all are.
    """
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
    except IntakeRefused as refused:
        return LinkOutcome(link.url, code=refused.code, message=str(refused))
    return LinkOutcome(link.url, file=file)


def links_of_text(text: str) -> list[WantedLink]:
    """Return every link of a pasted text, and each line that should be one."""
    wanted = []
    for line in text.splitlines():
        found = [one.rstrip(_TRAILING) for one in _LINK.findall(line)]
        wanted += [WantedLink(one) for one in found or [line.strip()] if one]
    return wanted


def links_of_csv(content: bytes) -> list[WantedLink]:
    """Return the links of a CSV file; raise ``IntakeRefused`` if it has no column.

    The column is called url or link; without a header, the first that holds links is
    taken. Columns programme, account, external_id and name are kept where there are.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("windows-1252", "replace")
    if "\0" in text:
        raise IntakeRefused("bad_csv", "This is not a CSV file: it holds binary data.")
    rows = list(_rows(text))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((header.index(one) for one in _URL_COLUMNS if one in header), None)
    if column is not None:
        return [one for row in rows[1:] if (one := _wanted(row, header, column))]
    column = next(
        (at for row in rows for at, cell in enumerate(row) if "://" in cell), None
    )
    if column is None:
        raise IntakeRefused(
            "bad_csv",
            "The CSV file has no column of links. Name it 'url', or put one link on "
            "each line.",
        )
    return [one for row in rows if (one := _wanted(row, [], column))]


def links_of_items(items: Sequence[FeedItem]) -> list[WantedLink]:
    """Return the items of a feed as links, with what the feed says of them."""
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


def _rows(text: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise IntakeRefused(
            "bad_csv", f"The CSV file cannot be read: {error}."
        ) from error


def _wanted(row: list[str], header: list[str], column: int) -> WantedLink | None:
    url = row[column].strip() if column < len(row) else ""
    if not url:
        return None
    told = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
    return WantedLink(
        url,
        name=next((told[one] for one in _NAME_COLUMNS if told.get(one)), ""),
        details=FileDetails(
            programme=told.get("programme", "")[:300],
            account=told.get("account", "")[:300],
            external_id=told.get("external_id", "")[:200],
        ),
    )
