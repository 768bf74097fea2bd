"""Makes titles and artists comparable: folded texts, versions as sets, split artists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Final

from base.common.outside_text import normalised, without_joiners

_ARTICLES: Final = frozenset({"a", "an", "the"})
_APOSTROPHES: Final = re.compile("['`´ʹʻʼʽ’‘＇]")
# The same as the slower way of ``fold``, for the most texts.
_ASCII: Final = str.maketrans(
    {char: " " for char in map(chr, range(128)) if not char.isalnum()}
    | {"'": None, "`": None, "&": " and "}
)
_GUESTS: Final = re.compile(r"^(?:feat|ft|featuring|with)\b[. ]*", re.I)
_GUESTS_INSIDE: Final = re.compile(r"\s(?:feat|ft|featuring)[. ]\s*", re.I)
_GROUP: Final = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_DASH: Final = re.compile(r"\s[-–—/]\s")
_BETWEEN_ARTISTS: Final = re.compile(
    r"(?:[,;&+/]| (?:and|und|et|y|e|vs|versus|feat|ft|featuring|with|x|meets)\.? ) ?", re.I
)
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
# A trailing part of a title that no bracket marks.
_PART_AT_END: Final = re.compile(
    r"(?<![\s,:])[\s,:]+(?:pt|part|teil|partie|parte|vol|volume)\.?\s+([ivx]+|\d+|one|two|three|four|five)$",
    re.I,
)
_PART: Final = re.compile(
    r"\b(?:pt|part|teil|partie|parte|vol|volume)\.?\s*([ivx]+|\d+|one|two|three|four|five)\b", re.I
)
# Titles without any of this have nothing to take apart, and most are such.
_MARKED: Final = re.compile(
    r"[(\[{]|\s[-–—/]\s|[\s,:]"
    r"(?:feat|ft|featuring|pt|part|teil|partie|parte|vol|volume)[.\s]",
    re.I,
)
_NUMBERS: Final = {
    **{word: str(n) for n, word in enumerate(["one", "two", "three", "four", "five"], 1)},
    **{
        roman: str(n)
        for n, roman in enumerate(
            ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], 1
        )
    },
}
# Words of a bracket that say which version it is; others belong to the title.
_TAGS: Final = {
    "live": ("live", "concert", "concerto", "vivo", "unplugged"),
    "remaster": ("remaster", "remastered", "remasterise", "remasterizado"),
    "edit": ("edit", "edited", "short"),
    "extended": ("extended", "12", "long", "club"),
    "instrumental": ("instrumental", "instrumentale"),
    "acoustic": ("acoustic", "akustik", "acoustique", "acustico"),
    "demo": ("demo", "rehearsal"),
    "karaoke": ("karaoke", "playback", "backing"),
    "cover": ("cover", "tribute"),
    "mono": ("mono",),
    "acapella": ("acapella", "cappella", "acappella"),
    "alternate": ("alternate", "alternative", "outtake", "take"),
    "dub": ("dub",),
    "rerecorded": ("rerecorded", "recorded"),
    "clean": ("clean", "censored"),
    "medley": ("medley",),
}
_TAG_OF: Final = {word: tag for tag, words in _TAGS.items() for word in words}
_REMIX: Final = frozenset({"remix", "rmx", "mix", "rework", "bootleg", "mashup", "vip"})
# Say that it is the usual version.
_USUAL: Final = frozenset(
    {"album", "original", "single", "main", "version", "mix", "stereo", "explicit"}
)
# A bracket with one of these names a version, whatever the other words are.
_ANY_VERSION: Final = frozenset({"version", "session", "sessions", "cut", "arrangement"})
_FILLING: Final = frozenset({"digital", "digitally", "radio", "the", "at", "in", "from"})

_LIVE_ALBUM: Final = ("live at ", "live in ", "live from ", "live on ")


@dataclass(frozen=True, slots=True)
class Name:
    """A title taken apart.

    ``bare`` is folded, without versions and guests; ``versions`` are tags such as
    ``live`` or ``remix:somebody``; ``guests`` are artists that the title names. ``places``
    are words that say where it was played live.
    """

    bare: str
    versions: frozenset[str]
    guests: tuple[str, ...] = ()
    places: frozenset[str] = frozenset()


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return a text without case, accents, joiners, punctuation and leading articles.

    Idempotent. A text without letters and digits stays as it is, in one form.
    """
    if text.isascii():
        lower = text.lower()
        words = lower.translate(_ASCII).split()
    else:
        lower, words = _fold_any(text)
    while len(words) > 1 and words[0] in _ARTICLES:
        del words[0]
    return normalised(" ".join(words), "NFC") or "".join(lower.split())


def _fold_any(text: str) -> tuple[str, list[str]]:
    """Return a text in lower case and compatibility form, and its folded words."""
    lower, plain = "", without_joiners(text)
    # Lower case and compatibility forms may need each other more than once.
    while lower != plain:
        lower, plain = plain, normalised(plain, "NFKD").casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = _APOSTROPHES.sub("", plain.replace("&", " and "))
    words = "".join(
        char if unicodedata.category(char)[0] in "LMN" else " " for char in plain
    ).split()
    return lower, words


def read_name(title: str, version: str = "", comment: str = "") -> Name:
    """Take a title apart, with the version that another column or a comment names."""
    if not (version or comment or _MARKED.search(title)):
        return Name(fold(title), frozenset())
    versions: set[str] = set()
    guests: list[str] = []
    places: set[str] = set()

    def title_part(text: str) -> str:
        """Return the text if it belongs to the title, else "" and note its meaning."""
        if _GUESTS.match(text):
            guests.extend(split_artists([_GUESTS.sub("", text)]))
            return ""
        named = versions_of(text)
        if named is None:
            return text
        versions.update(named)
        places.update(_places_of(text, named))
        return ""

    bare = _GROUP.sub(lambda match: f" {title_part(match[1].strip())} ", title)
    first, *segments = _DASH.split(bare)
    if segments:
        parts = map(title_part, map(str.strip, segments))
        bare = " ".join([first, *(part for part in parts if part)])
    if inside := _GUESTS_INSIDE.search(bare):
        guests.extend(split_artists([bare[inside.end() :]]))
        bare = bare[: inside.start()]
    if part := _PART_AT_END.search(bare.strip()):
        versions.add(f"part:{_number(part[1])}")
        bare = bare.strip()[: part.start()]
    for text in (version, comment):
        if text.strip():
            # A version column says of everything in it that it is a version.
            named = _stated(text) if text is version else versions_of(text) or set()
            versions.update(named)
            places.update(_places_of(text, named))
    return Name(fold(bare) or fold(title), frozenset(versions), tuple(guests), frozenset(places))


def versions_of(text: str) -> set[str] | None:
    """Return the versions that a bracket names; None if it belongs to the title."""
    words = fold(text).replace("re recorded", "rerecorded").split()
    versions = {_TAG_OF[word] for word in words if word in _TAG_OF}
    years = _YEAR.findall(text)
    if "remaster" in versions:
        versions |= {f"year:{year}" for year in years}
    if "live" in versions:
        # Two concerts are two recordings.
        versions |= {f"year:{year}" for year in years}
    if part := _PART.search(text):
        versions.add(f"part:{_number(part[1])}")
    versions |= _makers(words, versions)
    if versions:
        return versions
    if words and _USUAL.issuperset(words):
        return set()
    if _ANY_VERSION.intersection(words):
        return {f"version:{' '.join(word for word in words if word != 'version')}"}
    return None


def _makers(words: Sequence[str], versions: set[str]) -> set[str]:
    """Return a remix or edit together with the words that name its maker."""
    common_words = _TAG_OF.keys() | _REMIX | _FILLING | _USUAL
    # What neither names a version nor fills one in.
    maker = " ".join(
        word for word in words if word not in common_words and not _YEAR.fullmatch(word)
    )
    if not _REMIX.intersection(words) or _USUAL.issuperset(words):
        # A radio's edit is the single's; others are somebody's or something's.
        return {f"edit:{maker}"} if maker and "edit" in versions else set()
    # An extended mix is nobody's remix.
    return {f"remix:{maker}"} if maker or not versions else set()


def _places_of(text: str, versions: set[str]) -> set[str]:
    if "live" not in versions:
        return set()
    common_words = _TAG_OF.keys() | _USUAL | _FILLING | _ANY_VERSION
    return {word for word in fold(text).split() if not word.isdigit() and word not in common_words}


def _stated(text: str) -> set[str]:
    versions = versions_of(text)
    return {f"version:{fold(text)}"} if versions is None else versions


def _number(text: str) -> str:
    return _NUMBERS.get(text.casefold(), text.lstrip("0") or "0")


def is_live_album(title: str) -> bool:
    """Return whether a release's title says that all of it is live."""
    return fold(title).startswith(_LIVE_ALBUM) or "live" in read_name(title).versions


def split_artists(names: Iterable[str]) -> list[str]:
    """Return each artist of a list of credits, folded, in order."""
    return list(dict.fromkeys(chain.from_iterable(map(_split_credit, names))))


@lru_cache(maxsize=65_536)
def _split_credit(name: str) -> tuple[str, ...]:
    # With single blanks, no place of the text is looked at for each blank before it.
    names = _BETWEEN_ARTISTS.split(" ".join(name.split()))
    return tuple(filter(None, map(fold, names)))


def split_guests(names: Iterable[str]) -> list[str]:
    """Return the artists of a list of credits that follow "feat.", folded."""
    matches = ((name, _GUESTS_INSIDE.search(name)) for name in names)
    return split_artists([name[at.end() :] for name, at in matches if at])


def key_of(bare: str, artist: str) -> int:
    """Return the 64-bit key under which an index lists a bare title of an artist."""
    digest = blake2b(f"{bare}\x1f{artist}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def likeness(first: str, second: str) -> float:
    """Return how alike two folded texts are, 0 to 1."""
    if first == second:
        return 1.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
