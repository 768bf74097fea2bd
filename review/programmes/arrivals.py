"""What people say of a file while they submit it: its episode, and what else is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from django.db import transaction
from django.utils.functional import Promise

from base.accounts.models import User
from base.common.registry import Registry
from review.programmes import services
from scanning.models import ScannedFile

EPISODE_FIELDS: Final = {
    "series": "series",
    "season": "season",
    "episode": "number",
    "episode_title": "title",
    "production_company": "production_company",
}
"""Fields of forms about the episode, with the columns of ``Episode``."""


class Saying(Protocol):
    """What a package above reads of the same form, such as a broadcast."""

    def store(self, *, scanned_file: ScannedFile, user: User) -> None:
        """Store it. Raises ``ProgrammeRefused``."""


class ArrivalReader(Protocol):
    """Reads fields of a form."""

    @property
    def label(self) -> str | Promise: ...

    @property
    def fields(self) -> tuple[str, ...]: ...

    def read(self, cleaned_data: Mapping[str, object], /) -> Saying | None:
        """Return what cleaned fields say. Raises ``ProgrammeRefused``."""


readers: Registry[ArrivalReader] = Registry()
"""Read what else people say of files while they submit them."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is said of submitted files; ``episode`` has the known values of its columns."""

    episode: Mapping[str, str] = field(default_factory=dict)
    sayings: tuple[Saying, ...] = ()


def arrival_fields() -> tuple[str, ...]:
    """Return the names of all fields."""
    return (*EPISODE_FIELDS, *(name for reader in readers for name in reader.fields))


def arrival_labels() -> list[str]:
    """Return what else than the episode the fields are about."""
    return [str(reader.label) for reader in readers]


def read_arrival(cleaned_data: Mapping[str, object]) -> Arrival:
    """Return what cleaned fields of a form say. Raises ``ProgrammeRefused``."""
    texts = {
        name: str(cleaned_data.get(column) or "").strip() for column, name in EPISODE_FIELDS.items()
    }
    episode = {name: text for name, text in texts.items() if text}
    sayings = (reader.read(cleaned_data) for reader in readers)
    return Arrival(episode, tuple(saying for saying in sayings if saying is not None))


@transaction.atomic
def store_arrival(*, scanned_file: ScannedFile, arrival: Arrival, user: User) -> None:
    """Store the given facts of a file; facts that are not given stay."""
    if arrival.episode:
        services.set_episode(scanned_file=scanned_file, values=arrival.episode, user=user)
    for saying in arrival.sayings:
        saying.store(scanned_file=scanned_file, user=user)
