"""Lists what does not move, each with what to do about it here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from base.common.reading import read_clock
from plugins.moving.importing.records import PROJECT, Became, Records, not_moved
from plugins.moving.importing.remote import (
    RemoteSettings,
    RemoteUnknown,
    UnknownForm,
    id_of,
    read_settings,
    read_unknown,
    text_of,
)
from plugins.moving.models import Moved, MovedKind, MovedOutcome
from scanning.models import Project

Json = dict[str, Any]  # Any: JSON of another service


@dataclass(frozen=True, slots=True)
class Lister:
    """Lists live channels, identification projects and unknown content."""

    records: Records

    def channel(self, row: Json, bucket: str) -> bool:
        """Note a channel of a live bucket, which nothing here takes the place of."""
        name = text_of(row.get("title") or row.get("name"), 500)
        url = text_of(row.get("url"), 1000)
        text = _(
            "Clips are not compared with live channels here. To find recordings on it, "
            "add its address as a stream: %(url)s"
        ) % {"url": url or "–"}
        try:
            key = id_of(row)
        except UnknownForm as fault:
            self.records.note_unread(MovedKind.CHANNEL, row, bucket, str(fault))
            return False
        return self.records.settle(
            MovedKind.CHANNEL,
            key,
            bucket,
            name,
            {"name": name, "url": url},
            lambda _s, _k: not_moved("move_live_channel", text),
        )

    def identification(self, row: Json) -> bool:
        """Note a project that identifies clips; of its keys nothing may be read."""
        plain = {name: row.get(name) for name in ("id", "name", "buckets")}
        return self.records.move(MovedKind.PROJECT, plain, "", read_settings, self._identification)

    def _identification(self, there: RemoteSettings, _moved: Moved | None) -> Became:
        """Say that a project needs new keys, unless somebody made them."""
        here = Project.objects.filter(name=there.name, revoked_at=None).first()
        if here is not None:
            return Became(MovedOutcome.SAME, f"project:{here.uid}")
        buckets, missing = self.records.buckets_of(there)
        text = _(
            "Its keys are not read. Under API tokens, create identification keys of the "
            "same name for the buckets %(names)s, and give them to its programs and "
            "devices."
        ) % {"names": ", ".join([*(bucket.name for bucket in buckets), *missing]) or "–"}
        return not_moved("move_keys", text)

    def unknown(self, row: Json, project: str) -> bool:
        """Note sound that repeats unknown there."""
        read = partial(read_unknown, project=project)
        return self.records.move(MovedKind.UNKNOWN, row, project, read, self._unknown_sound)

    def _unknown_sound(self, there: RemoteUnknown, _moved: Moved | None) -> Became:
        """Say what to do about sound of which an account gives only figures."""
        text = _(
            "Length %(length)s, occurrences: %(plays)s. The account gives no sound of "
            "it. Listen to it there, and add it to a bucket there if you need it; here "
            "it is found again when it repeats in files that are scanned."
        ) % {"length": read_clock(there.length_ms), "plays": there.plays}
        return not_moved("move_unknown", text)

    def unknown_project(self, row: Json) -> None:
        """Note that the unknown content of a project is left out."""
        plain = {name: row.get(name) for name in ("id", "name")}
        text = _("This portal does not look for unknown sound, so unknown content is left out.")
        self.records.move(
            MovedKind.UNKNOWN,
            plain | {"id": f"{PROJECT}{row.get('id')}"},
            "",
            read_settings,
            lambda _there, _moved: not_moved("move_unknown", text),
        )
