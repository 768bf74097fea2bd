"""Reads a dump of releases in a child process; see ``base.common.confined``.

The child holds one release at a time, and sends what the index needs of it.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, cast
from xml.etree.ElementTree import Element

from plugins.filling.open_data.errors import SourceRefused
from plugins.filling.open_data.streamed import Send, as_job
from plugins.filling.open_data.unpacked import limited
from plugins.filling.open_data.xml_parts import parts_of

# A message must stay far below the limit of ``wire``. The index packs the releases of one
# together: more are smaller, but take longer to unpack.
_TRACKS_AT_ONCE: Final = 1_300
_MOST_ARTISTS: Final = 20
# The other half of a dump is not built: images, credits, videos, companies.
_WANTED: Final = frozenset(
    {*("artists", "title", "labels", "formats", "released"), *("tracklist", "identifiers")}
)
_GZIP: Final = b"\x1f\x8b"
# A number distinguishes namesakes.
_NAMESAKE: Final = re.compile(r"\s\(\d+\)$")
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
# No import: ``base.common.reading.parse_clock`` would load more of Django into the child.
_DURATION: Final = re.compile(r"(?:([0-9]{1,2}):(?=[0-5]?[0-9]:))?([0-9]{1,3}):([0-5][0-9])")
_BARCODE: Final = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_ISRC: Final = re.compile(r"(?:ISRC)?([A-Z]{2}[A-Z0-9]{3}[0-9]{7})")
_TRACK_NAME: Final = re.compile(r"(?:track\s*)?(\S+)", re.I)
_PICTURES: Final = ("dvd", "video", "vhs", "blu-ray")
_NO_LABEL: Final = "Not On Label"
_UNOFFICIAL: Final = frozenset(
    {*("Unofficial Release", "Partially Unofficial", "Promo", "Test Pressing"), "White Label"}
)
_COMPILED: Final = frozenset({"Compilation", "Sampler", "Mixed"})


_Children = Mapping[str, Element]


def read_dump(file: BinaryIO, *, send: Send, done: int = 0) -> None:
    """Send ``{"releases": […]}`` for the releases of an open dump.

    The first ``done`` were sent before, by a reading that was stopped. Raises ``SourceRefused``.
    """
    if file.read(2) != _GZIP:
        raise SourceRefused(
            "dump_unreadable", "This is no .xml.gz. Choose discogs_…_releases.xml.gz of Discogs."
        )
    file.seek(0)
    content = limited(cast("BinaryIO", gzip.GzipFile(fileobj=file)), file, name="Discogs")
    try:
        batch: list[Any] = []  # Any: JSON
        rows = 0
        for release in _releases(parts_of(content, root="releases", names=_WANTED), done):
            batch.append(release)
            rows += 1 + len(release[-1])
            if rows >= _TRACKS_AT_ONCE:
                send({"releases": batch})
                batch, rows = [], 0
        send({"releases": batch})
    except (EOFError, OSError, zlib.error) as error:
        raise SourceRefused(
            "dump_incomplete", f"The archive breaks off or is damaged ({error}). Download it again."
        ) from error


def _releases(elements: Iterator[Element], done: int) -> Iterator[list[Any]]:  # Any: JSON
    count = 0
    for element in elements:
        number = element.get("id", "")
        if not (number.isdecimal() and len(number) < 16):
            raise SourceRefused(
                "dump_columns",
                f"A “{element.tag[:40]}” has no number. This version reads another "
                "form of the dump: update the portal, or use an older dump.",
            )
        # Drafts and deleted releases have another status.
        if element.get("status", "Accepted") != "Accepted":
            continue
        count += 1
        if count > done:
            release = _by_name(element)
            yield [int(number), _facts(release), _tracks(release)]


def _by_name(element: Element) -> _Children:
    """Return the children by name, because looking for each of them takes longer."""
    return {child.tag: child for child in element}


def _children(parent: _Children, name: str) -> Iterable[Element]:
    return parent.get(name, ())


def _text(parent: _Children, name: str) -> str:
    child = parent.get(name)
    return "" if child is None or not child.text else " ".join(child.text.split())


def _facts(release: _Children) -> list[Any]:  # Any: JSON
    """Return title, label, UPC, date, and whether it is official and a compilation."""
    descriptions = {
        description.text
        for medium in _children(release, "formats")
        for description in _children(_by_name(medium), "descriptions")
    }
    artists = _artists(release)
    return [
        _text(release, "title"),
        _label(release),
        _barcode(release),
        _date(_text(release, "released")),
        not descriptions & _UNOFFICIAL,
        bool(descriptions & _COMPILED) or [name for name, _written in artists] == ["Various"],
    ]


def _label(release: _Children) -> str:
    for label in _children(release, "labels"):
        name = label.get("name", "")
        name = "" if name.startswith(_NO_LABEL) else _NAMESAKE.sub("", name)
        return " ".join(name.split())
    return ""


def _barcode(release: _Children) -> str:
    """Return the barcode without spaces; none if the release has several."""
    codes = {
        code.lstrip("0")
        for value in _identifiers(release, "Barcode")
        if _BARCODE.fullmatch(code := re.sub(r"[^0-9A-Za-z]", "", value[0]))
    }
    return codes.pop() if len(codes) == 1 else ""


def _date(text: str) -> str:
    """Return 1999-07-13, 1999-07 or 1999; months and days are 00 if unknown."""
    match = _DATE.fullmatch(text)
    if match is None:
        return ""
    year, month, day = match.groups()
    parts = [year]
    for part in (month, day):
        if part is None or part == "00":
            break
        parts.append(part)
    return "-".join(parts)


def _identifiers(release: _Children, kind: str) -> Iterator[tuple[str, str]]:
    for identifier in _children(release, "identifiers"):
        if identifier.get("type") == kind:
            yield identifier.get("value", ""), identifier.get("description", "").strip()


def _artists(parent: _Children) -> list[tuple[str, str]]:
    """Return the artists with their names as written on this release."""
    credited = []
    for artist in map(_by_name, _children(parent, "artists")):
        name = _NAMESAKE.sub("", _text(artist, "name"))
        credited.append((name, _text(artist, "anv") or name))
    return credited


def _tracks(release: _Children) -> list[list[Any]]:  # Any: JSON
    """Return position, title, length, ISRCs and artists of each track."""
    everybody = _artists(release)
    credited_tracks: list[tuple[_Children, list[tuple[str, str]]]] = []
    for track in map(_by_name, _children(release, "tracklist")):
        artists = _artists(track) or everybody
        parts = [_by_name(part) for part in _children(track, "sub_tracks")]
        if parts and not _text(track, "position"):
            credited_tracks += [(part, _artists(part) or artists) for part in parts]
        else:
            credited_tracks.append((track, artists))
    codes = _codes(release, [track for track, _artists in credited_tracks])
    rows = []
    for track, artists in credited_tracks:
        position, length = _text(track, "position"), _length(_text(track, "duration"))
        # What has neither position nor length is a heading.
        if not (position or length) or position.casefold().startswith(_PICTURES):
            continue
        guests = [
            _NAMESAKE.sub("", _text(artist, "name"))
            for artist in map(_by_name, _children(track, "extraartists"))
            if "Featuring" in _text(artist, "role")
        ]
        names = ([name for name, _written in artists] + guests)[:_MOST_ARTISTS]
        written = [name for _own, name in artists[:1]]
        isrcs = codes.get(position, [])
        rows.append([position, _text(track, "title"), length, isrcs, names, written])
    return rows


def _length(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        return 0
    hours, minutes, seconds = match.groups("0")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000


def _codes(release: _Children, tracks: Sequence[_Children]) -> dict[str, list[str]]:
    """Return the ISRCs whose description names one position, such as "Track A1"."""
    isrcs: dict[str, list[str]] = {}
    stated = list(_identifiers(release, "ISRC"))
    if not stated:
        return isrcs
    positions = Counter(_text(track, "position") for track in tracks)
    for value, description in stated:
        code = _ISRC.fullmatch(re.sub(r"[^0-9A-Z]", "", value.upper()))
        named = _TRACK_NAME.fullmatch(description)
        if code and named and positions[named[1]] == 1:
            isrcs.setdefault(named[1], []).append(code[1])
    return isrcs


def warm() -> None:
    """Load in advance what reading needs, because the child cannot open files."""
    read_dump(io.BytesIO(gzip.compress(b"<releases/>")), send=lambda _message: None)


JOBS: Final = {"read": as_job(read_dump)}
