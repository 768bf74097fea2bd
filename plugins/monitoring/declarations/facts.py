"""What a declaration says, apart from any format: stations, plays, recordings, parties.

Formats read nothing else, so that what a declaration says is frozen with its facts.
An empty text and ``None`` mean that nobody has said so yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Contributor:
    """A writer or publisher of a work; ``role`` is CWR's, ``ipi`` the name number."""

    name: str
    role: str = ""
    ipi: str = ""
    society: str = ""


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """A recording with its work and release.

    ``released`` is the date of the first release. ``own_id`` is our custom ID, or the
    recording's id if it has none. ``artist_isni`` is empty if there are several artists.
    ``own_share`` is our share of it in percent.
    """

    uid: str
    own_id: str
    title: str
    version_title: str = ""
    artists: tuple[str, ...] = ()
    artist_isni: str = ""
    isrc: str = ""
    duration_ms: int | None = None
    label: str = ""
    label_code: str = ""
    album: str = ""
    upc: str = ""
    catalogue_number: str = ""
    released: date | None = None
    iswc: str = ""
    work_number: str = ""
    writers: tuple[Contributor, ...] = ()
    publishers: tuple[Contributor, ...] = ()
    own_share: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EpisodeFacts:
    """The programme that a play was part of."""

    programme: str = ""
    series: str = ""
    also_known_as: str = ""
    season: str = ""
    number: str = ""
    title: str = ""
    production_company: str = ""
    isan: str = ""


@dataclass(frozen=True, slots=True)
class PlayFacts:
    """One play of a recording in one broadcast.

    ``starts_at`` carries the offset of the station's zone. ``start_ms`` and ``end_ms``
    are times in the file; ``played_ms`` is how much of it sounded, which pauses shorten.
    ``use`` and ``origin`` are DDEX's values, ``usage`` is ours: featured or background.
    ``showing`` is "first_run", "repeat_run" or empty. ``listeners`` is the average
    number at one time. ``broadcast`` is the id of the broadcast or of the stream's hour.
    """

    uid: str
    station: str
    broadcast: str
    broadcast_starts_at: datetime
    broadcast_ms: int | None
    starts_at: datetime
    start_ms: int
    end_ms: int
    played_ms: int
    recording: str
    match: str
    file: str
    state: str
    usage: str = ""
    use: str = ""
    origin: str = ""
    own_recording: bool | None = None
    live: bool | None = None
    recorded_on: date | None = None
    recorded_in: str = ""
    published_in: str = ""
    showing: str = ""
    listeners: int | None = None
    episode: EpisodeFacts = EpisodeFacts()


@dataclass(frozen=True, slots=True)
class StationFacts:
    """A station and its figures for the period; ``type`` is a ``StationType``."""

    uid: str
    name: str
    call_sign: str = ""
    type: str = ""
    territory: str = ""
    time_zone: str = "UTC"
    commercial_model: str = ""
    soundexchange_category: str = ""
    listeners: int | None = None
    listener_hours: Decimal | None = None
    performances: int | None = None
    net_revenue: Decimal | None = None
    currency: str = ""
    rights_type: str = ""


@dataclass(frozen=True, slots=True)
class PartyFacts:
    """Who sends or receives a declaration, and whom to ask about it."""

    name: str = ""
    dpid: str = ""
    contact: str = ""
    street: str = ""
    city: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class DeclarationFacts:
    """All that a declaration says.

    ``begins`` and ``ends`` are the first and last day, in the stations' local time.
    ``plays`` are sorted by station, time and id; ``recordings`` are those played, in
    the order of their first play; ``stations`` in the order of names. ``service`` names
    what is declared, such as the type of service in DDEX's file name. ``replaces`` is
    the message id of the declaration that this one corrects.
    """

    message_id: str
    created_at: datetime
    begins: date
    ends: date
    service: str
    sender: PartyFacts
    recipient: PartyFacts
    stations: Sequence[StationFacts]
    recordings: Sequence[RecordingFacts]
    plays: Sequence[PlayFacts]
    replaces: str = ""
