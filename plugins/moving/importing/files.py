"""Moves the containers of an account with their files, and its streams with their days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from imports.results.file_scanning import read_documents
from imports.results.found import READY, FoundFile, ResultFault
from imports.results.importer import ResultImporter
from plugins.moving.importing.plays import DAY, OtherDay, results_of_day
from plugins.moving.importing.records import (
    PROJECT,
    Became,
    Records,
    changed_there,
    free_name,
    not_moved,
    refuse_name,
)
from plugins.moving.importing.remote import (
    RemoteSettings,
    RemoteStream,
    UnknownForm,
    digest,
    id_of,
    read_settings,
    read_stream,
    text_of,
)
from plugins.moving.importing.streams import streams_here
from plugins.moving.models import Moved, MovedKind, MovedOutcome
from scanning.choices import AudioType, EngineChoice
from scanning.models import Container, ScannedFile
from scanning.models.container import whole_file_policy
from scanning.services.containers import create_container

Json = dict[str, Any]  # Any: JSON of another service


@dataclass(frozen=True, slots=True)
class FileMover:
    """Moves containers, files and streams, and notes in ``records`` what became of them."""

    records: Records

    def container(self, row: Json) -> bool:
        """Move a container without its files; return whether it is new."""
        return self.records.move(MovedKind.CONTAINER, row, "", read_settings, self._container)

    def _container(self, there: RemoteSettings, moved: Moved | None) -> Became:
        if moved is not None:
            return replace(changed_there(moved), callback_url=there.callback_url)
        return replace(self._new_container(there), callback_url=there.callback_url)

    def project(self, project: RemoteSettings) -> Container | None:
        """Return the container for a project's streams, made if it is missing."""
        key = f"{PROJECT}{project.id}"
        self.records.settle(MovedKind.CONTAINER, key, "", project.name, project, self._project)
        return self.records.container_of(key)

    def _project(self, there: RemoteSettings, moved: Moved | None) -> Became:
        if moved is not None:
            return changed_there(moved)
        twin = self.records.find(MovedKind.CONTAINER, there.id)
        # A portal lists each of its containers as a project as well.
        if twin is not None and twin.case and twin.name == there.name:
            return Became(MovedOutcome.SAME, twin.case)
        return self._new_container(there)

    def _new_container(self, there: RemoteSettings) -> Became:
        name = free_name(there.name, there.id, Container.objects.present())
        if not name:
            return refuse_name(there.name)
        buckets, missing = self.records.buckets_of(there)
        columns = {
            "name": name,
            "engine": EngineChoice.EMBEDDED,
            "region": there.region or "eu-west-1",
            "audio_type": there.audio_type
            if there.audio_type in AudioType.values
            else AudioType.LINE_IN,
            "wire_engine": there.engine,
            "policy": there.policy or whole_file_policy(),
            **there.flags,
        }
        container = create_container(columns=columns, buckets=buckets, user=self.records.user)
        case = f"container:{container.pk}"
        if not missing:
            return Became(MovedOutcome.NEW, case)
        text = _("It searches these buckets no longer, which are not here: %(names)s.")
        text %= {"names": ", ".join(missing)}
        return Became(MovedOutcome.NEW, case, code="move_bucket_missing", text=text)

    def file(self, row: Json, container: str) -> bool:
        """Move a scanned file with its results; return whether it is new."""
        try:
            key = id_of(row)
        except UnknownForm as fault:
            self.records.note_unread(MovedKind.FILE, row, container, str(fault))
            return False
        seen = {name: row.get(name) for name in ("name", "state", "duration", "results")}
        name = text_of(row.get("name"), 500)
        return self.records.settle(
            MovedKind.FILE, key, container, name, seen, lambda _s, _k: self._file(row, container)
        )

    def _file(self, row: Json, container: str) -> Became:
        results_file = next(iter(read_documents([row])))
        if isinstance(results_file, ResultFault):
            return not_moved("move_form", results_file.message)
        return self._results(
            replace(results_file, came_at=_moment(row.get("created_at"))),
            self.records.container_of(container),
        )

    def stream(self, row: Json, project: RemoteSettings) -> bool:
        """Move a stream, not listening; return whether it is new."""
        key = f"{PROJECT}{project.id}"
        container = self.records.container_of(key) or self.project(project)
        act = partial(self._stream, container=container)
        return self.records.move(MovedKind.STREAM, row, project.id, read_stream, act)

    def _stream(
        self, there: RemoteStream, moved: Moved | None, container: Container | None
    ) -> Became:
        if moved is not None:
            return changed_there(moved)
        if container is None:
            return not_moved("move_elsewhere", _("Its container was deleted here."))
        for here in streams_here:
            return here.add(self.records.user, there, container)
        return not_moved("move_elsewhere", _("This portal has no streams."))

    def day(self, stream: Moved, day: date, plays: list[Json]) -> bool:
        """Move a day of plays as a file; return False if it is another day's.

        An empty day leaves no file, unless there was one.
        """
        key = f"day:{stream.remote_id}:{day:%Y%m%d}"
        name = f"{stream.name} {day} (ACRCloud)"
        moved = self.records.find(MovedKind.DAY, key)
        try:
            results = results_of_day(plays, day)
        except OtherDay:
            text = _("The plays of another day came, so no earlier days were asked for.")
            became = not_moved("move_other_day", text)
            self.records.note(
                MovedKind.DAY, key, stream.remote_id, name, digest(plays), became, moved
            )
            return False
        if results or moved is not None:
            self.records.settle(
                MovedKind.DAY,
                key,
                stream.remote_id,
                name,
                results,
                lambda _there, _moved: self._day(stream, day, key, name, results),
            )
        return True

    def _day(self, stream: Moved, day: date, key: str, name: str, results: Json) -> Became:
        here = next(iter(streams_here))
        container = here.container_of(stream.case)
        if container is None:
            return not_moved("move_elsewhere", _("Its stream was deleted here."))
        midnight = datetime.combine(day, time(), tzinfo=UTC)
        day_ms = int(DAY.total_seconds() * 1000)
        results_file = FoundFile(
            line=1,
            name=name,
            state=READY,
            results=results,
            remote_id=digest([self.records.move_in.account.pk, key]),
            duration_ms=day_ms,
            came_at=midnight,
        )
        became = self._results(results_file, container)
        if became.outcome is not MovedOutcome.NEW:
            return became
        file = ScannedFile.objects.get(uid=became.case.partition(":")[2])
        refused = here.note_day(stream.case, file, midnight, day_ms, self.records.user)
        return replace(became, code="move_form", text=refused) if refused else became

    def _results(self, results_file: FoundFile, container: Container | None) -> Became:
        if container is None:
            return not_moved("move_elsewhere", _("Its container was deleted here."))
        files = ScannedFile.objects.present()
        file = files.filter(remote_id=results_file.remote_id).first()
        # A file that this portal sent to the account is here already.
        if file is not None and file.container_id != container.pk:
            return Became(MovedOutcome.SAME, f"file:{file.uid}")
        importer = ResultImporter(
            container=container,
            user=self.records.user,
            source=self.records.move_in.account.name,
            dry=False,
            heartbeat=lambda: None,
        )
        summary = importer.run([results_file])
        if summary.refused:
            return not_moved("move_form", str(summary.faults[0]["message"]))
        file = files.get(remote_id=results_file.remote_id)
        outcome = (
            MovedOutcome.NEW
            if summary.added
            else MovedOutcome.CHANGED
            if summary.rescanned
            else MovedOutcome.SAME
        )
        return Became(outcome, f"file:{file.uid}")


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
