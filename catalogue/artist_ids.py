"""Ids of a recording's artists: read from a line of text, checked and stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from django.utils.translation import gettext as _

from catalogue.identifiers import BadIdentifier, check_isni, check_mbid
from catalogue.models import ArtistIdentity, ArtistIdKind, Recording

_ENTRY: Final = re.compile(r"([1-9][0-9]{0,2})\s+(MBID|ISNI)\s+(.+)", re.I)
_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    ArtistIdKind.MBID: check_mbid,
    ArtistIdKind.ISNI: check_isni,
}


def read_artist_ids(text: str) -> list[ArtistIdentity]:
    """Return the ids of a text such as "1 MBID …, 1 ISNI …", in order, not stored.

    Raises ``BadIdentifier`` for what is no id, and for two of a kind at one place.
    """
    values: dict[tuple[int, str], str] = {}
    for part in filter(None, (entry_text.strip() for entry_text in re.split(r"[,\n]", text))):
        entry = _ENTRY.fullmatch(part)
        if entry is None:
            raise BadIdentifier(
                _(
                    "an artist id is the artist's place, MBID or ISNI, and the id, "
                    "such as 1 ISNI 0000000081266409, not '%(given)s'"
                )
                % {"given": part}
            )
        place, kind = int(entry[1]), entry[2].lower()
        if (place, kind) in values:
            raise BadIdentifier(_("artist %(place)s has two ids of one kind") % {"place": place})
        values[place, kind] = _CHECKS[kind](entry[3])
    # As the rows are ordered: an MBID before an ISNI.
    places = sorted(values, key=lambda key: (key[0], key[1] != ArtistIdKind.MBID))
    return [
        ArtistIdentity(position=place, kind=kind, value=values[place, kind])
        for place, kind in places
    ]


def check_artist_ids(text: str) -> str:
    """Return ids of artists in one form. Raises ``BadIdentifier``."""
    return ", ".join(map(str, read_artist_ids(text)))


def store_artist_ids(recording: Recording, text: str) -> None:
    """Make the ids of a recording's artists those of a text, in one transaction."""
    recording.artist_identities.all().delete()
    identities = read_artist_ids(text)
    for identity in identities:
        identity.recording = recording
    ArtistIdentity.objects.bulk_create(identities)


def drop_moved(recording: Recording, before: Sequence[str]) -> None:
    """Delete the ids at places where another artist stands now."""
    now = list(recording.artists)
    moved = [
        place for place, name in enumerate(before, 1) if place > len(now) or now[place - 1] != name
    ]
    recording.artist_identities.filter(position__in=moved).delete()
