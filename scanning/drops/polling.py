"""Polls drops: waits until files stand still, takes each once, then puts it away.

The row of a file is made before the file is taken, and the transaction that makes the
scanned file ends it. A kill leaves a copy without a row, which the next poll or
``doctor`` deletes, or an ended row whose file the next poll moves.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.common.storage import FileOnDisk
from base.jobs.context import JobContext
from base.jobs.errors import LeaseLost
from scanning.choices import DropAfterwards, DropItemState
from scanning.drops import sidecars
from scanning.drops.folder import FolderPlace
from scanning.drops.places import (
    DONE,
    FAILED,
    DropFile,
    DropListing,
    DropPlace,
    FileChanged,
    FileUnreadable,
    NotPutAway,
    PlaceFailed,
    check_place,
    first_folder,
    is_bucket,
    list_files,
    printable_path,
)
from scanning.errors import IntakeRefused
from scanning.models import Container, Drop, DropItem, ScannedFile
from scanning.repeating import ends_idle, finish_and_repeat, pause_after
from scanning.services.intake import Details, check_size, submit_upload

logger = logging.getLogger(__name__)

# After this, other drops have their turn; the next poll goes on at once.
_TURN_SECONDS = 60.0
_LONGEST_WAIT = timedelta(hours=1)
_ROWS_AT_ONCE = 500


def run(context: JobContext) -> None:
    """Poll a drop, and ask for its next poll."""
    drop: Drop = context.subject
    begun = datetime.now(tz=UTC)
    if ends_idle(context, begun):
        return
    usual = drop.interval
    try:
        tag = drop.afterwards == DropAfterwards.TAG
        with closing(_open_place(drop.place, tag=tag)) as place:
            poll = _Poll(context, place)
            poll.look()
            is_done = poll.work()
    except PlaceFailed as error:
        logger.info("drop %s failed: %s", drop.uid, error)
        finish_and_repeat(
            context,
            next_at=begun + pause_after(usual, drop.failures, longest=_LONGEST_WAIT),
            last_poll_at=begun,
            # The column is a small integer.
            failures=min(drop.failures + 1, 1000),
            last_error=str(error)[:1000],
        )
        return
    with transaction.atomic():
        finish_and_repeat(
            context,
            next_at=begun + usual if is_done else begun,
            last_poll_at=begun,
            failures=0,
            last_error="",
            notice=" ".join(poll.notices)[:1000],
        )
        if poll.ended:
            base.audit.services.record(
                case=f"drop:{drop.uid}", action="drop.took", after=dict(poll.ended)
            )


def _open_place(place: str, *, tag: bool) -> DropPlace:
    """Open a place for one poll; raise ``PlaceFailed`` if it is not there or allowed.

    ``tag`` marks S3 objects instead of moving them.
    """
    # The settings may have changed since the drop was made.
    try:
        check_place(place)
    except IntakeRefused as refused:
        raise PlaceFailed(str(refused)) from refused
    if is_bucket(place):
        # Most installations have no drops in S3 and skip the import of its client.
        from scanning.drops.bucket import BucketPlace

        return BucketPlace(place, tag=tag)
    return FolderPlace(place)


class _Poll:
    """One look at a drop, and the work that follows from it."""

    def __init__(self, context: JobContext, place: DropPlace) -> None:
        self._context, self._place = context, place
        self._drop: Drop = context.subject
        self._stays = self._drop.afterwards == DropAfterwards.LEAVE
        self._begun = monotonic()
        self._listing = DropListing([])
        self._containers: dict[str, Container] = {
            folder.name: folder.container
            for folder in self._drop.folders.filter(
                container__deleted_at__isnull=True
            ).select_related("container")
        }
        self.notices: list[str] = []
        self.ended: Counter[str] = Counter()
        """How many files ended this time, by state."""

    def look(self) -> None:
        """List the place, and update the rows with the files and times."""
        # Delete the copies of polls that were killed.
        for path in settings.FILE_UPLOAD_TEMP_DIR.glob(f"drop-{self._drop.uid}-*"):
            path.unlink(missing_ok=True)
        self._listing = list_files(self._reported(self._place.files()))
        files = self._listing.files
        for first in range(0, len(files), _ROWS_AT_ONCE):
            self._context.report()
            with transaction.atomic():
                self._note(files[first : first + _ROWS_AT_ONCE])
        if self._listing.is_whole:
            self._note_gone()
        else:
            self.notices.append(
                _("There are more files than one poll handles; the others wait for the next poll.")
            )

    def _reported(self, files: Iterable[DropFile]) -> Iterator[DropFile]:
        for file in files:
            self._context.report()
            yield file

    def _note(self, files: Iterable[DropFile]) -> None:
        """Make rows for new files, and bring those of waiting ones up to date."""
        named = {file.identity: file for file in files}
        stored = {item.identity: item for item in self._drop.items.filter(identity__in=named)}
        now = datetime.now(tz=UTC)
        fresh, changed = [], []
        for identity, file in named.items():
            item = stored.get(identity)
            if item is None:
                item = DropItem(
                    drop=self._drop,
                    identity=identity,
                    path=printable_path(file.path),
                    size_bytes=file.size_bytes,
                    first_seen_at=now,
                )
                self._update(item, file)
                fresh.append(item)
                continue
            self._note_return(item)
            if item.state == DropItemState.WAITING and self._update(item, file):
                changed.append(item)
        DropItem.objects.bulk_create(fresh)
        columns = ["container", "folder", "message", "steady"]
        DropItem.objects.bulk_update(changed, columns)

    def _note_return(self, item: DropItem) -> None:
        """Let a failed file that somebody put back wait again; others are put away."""
        if item.put_away_at is None or self._drop.afterwards == DropAfterwards.TAG:
            return
        item.put_away_at = None
        if item.state == DropItemState.FAILED:
            item.state, item.message, item.steady = DropItemState.WAITING, "", {}
            item.ended_at = None
        item.save(update_fields=["state", "message", "steady", "ended_at", "put_away_at"])

    def _update(self, item: DropItem, file: DropFile) -> bool:
        """Set where a waiting file goes and since when it has stood still.

        Return whether the row changed.
        """
        before = (item.container_id, item.folder, item.message, item.steady)
        folder = first_folder(file)
        container = self._containers.get(folder) if folder else self._drop.container
        was_unassigned = bool(item.folder)
        item.folder = "" if container else folder
        item.container = container or self._drop.container
        if item.folder:
            item.message = _("No container is assigned to the subfolder %(folder)s yet.") % {
                "folder": printable_path(folder)[:200]
            }
        elif was_unassigned:
            item.message = ""
        around = self._signature(file)
        since = item.steady.get("since", {}) if item.steady.get("of") == around else {}
        # A restarted machine counts from its restart.
        if since.get(_machine(), monotonic() + 1) > monotonic():
            since = {**since, _machine(): monotonic()}
        item.steady = {"of": around, "since": since}
        return before != (item.container_id, item.folder, item.message, item.steady)

    def _signature(self, file: DropFile) -> str:
        """Return a hash that changes with the file's sidecars."""
        manifest = self._listing.manifest(file)
        around = [*self._listing.own_sidecars(file), *([manifest] if manifest else [])]
        named = ",".join(sidecar.identity for sidecar in around)
        return hashlib.sha256(named.encode()).hexdigest()[:16] if named else ""

    def _note_gone(self) -> None:
        """Forget waiting files that are gone, and note that ended ones have left."""
        there = {file.identity for file in self._listing.files}
        rows = self._drop.items.filter(put_away_at__isnull=True)
        gone = [pk for pk, identity in rows.values_list("pk", "identity") if identity not in there]
        for first in range(0, len(gone), _ROWS_AT_ONCE):
            some = self._drop.items.filter(pk__in=gone[first : first + _ROWS_AT_ONCE])
            some.filter(state=DropItemState.WAITING).delete()
            some.update(put_away_at=datetime.now(tz=UTC))

    def work(self) -> bool:
        """Put ended files away and take those that stand still.

        Return False if there is more to do than one turn allows.
        """
        files = {file.identity: file for file in self._listing.files}
        rows = self._drop.items.filter(put_away_at__isnull=True)
        if self._stays:
            rows = rows.filter(state=DropItemState.WAITING)
        items = list(rows.select_related("container").order_by("pk"))
        for number, item in enumerate(items):
            self._context.report(number / len(items))
            if monotonic() - self._begun > _TURN_SECONDS:
                return False
            file = files.get(item.identity)
            if file is None:
                continue
            if item.state == DropItemState.WAITING and self._is_ready(item):
                self._take(item, file)
            if item.state != DropItemState.WAITING:
                self._put_away(item, file)
        return True

    def _is_ready(self, item: DropItem) -> bool:
        since = item.steady.get("since", {}).get(_machine(), monotonic())
        # ``look`` has just set the time of a file that is new or has changed.
        return (
            not item.folder
            and since < self._begun
            and monotonic() - since >= settings.ACRPORTAL_DROP_SETTLE_SECONDS
        )

    def _take(self, item: DropItem, file: DropFile) -> None:
        """Make a scanned file of a dropped one, or let the row say why not."""
        if not file.size_bytes:
            # Some programs make a file long before they write to it.
            self._wait(item, _("The file is empty; it waits until it has content."))
            return
        name = printable_path(file.parts[-1])
        try:
            check_size(name, file.size_bytes)
            title, details = self._details(file)
            with _scratch(self._drop) as (scratch, path):
                digest = self._place.copy(file, scratch, self._context.report)
                scratch.flush()
                with FileOnDisk(path, name) as upload:
                    upload.sha256 = digest
                    taken = submit_upload(
                        container=item.container,
                        upload=upload,
                        user=None,
                        details=details,
                        name=title or name,
                        and_then=partial(self._end, item, DropItemState.TAKEN, ""),
                    )
            if taken.seen_before:
                why = _("The container already has this file, as %(name)s.")
                why %= {"name": taken.scanned_file.name[:300]}
                self._end(item, DropItemState.KNOWN, why, taken.scanned_file)
        except IntakeRefused as refused:
            self._end(item, DropItemState.FAILED, str(refused))
        except FileUnreadable as error:
            self._wait(item, str(error))
        except FileChanged:
            self._wait(item, "")
        else:
            self.ended[item.state.removeprefix("drop_")] += 1
            return
        if item.state == DropItemState.FAILED:
            self.ended["failed"] += 1

    def _details(self, file: DropFile) -> tuple[str, Details]:
        """Return name and metadata by the sidecars, the more special ones first."""
        cells: dict[str, str] = {}
        manifest = self._listing.manifest(file)
        if manifest is not None:
            rows = self._content(manifest)
            cells |= _explained(
                manifest, partial(sidecars.cells_of_manifest, rows, printable_path(file.parts[-1]))
            )
        for sidecar in reversed(self._listing.own_sidecars(file)):
            is_json = sidecar.path.lower().endswith(".json")
            read = sidecars.cells_of_json if is_json else sidecars.cells_of_csv
            cells |= _explained(sidecar, partial(read, self._content(sidecar)))
        return sidecars.details_of_sidecars(cells)

    def _content(self, sidecar: DropFile) -> bytes:
        if sidecar.size_bytes > sidecars.MAX_SIDECAR_BYTES:
            raise IntakeRefused(
                "bad_sidecar",
                _("%(name)s is larger than 2 MiB.") % {"name": printable_path(sidecar.parts[-1])},
            )
        content = BytesIO()
        self._place.copy(sidecar, content, self._context.report)
        return content.getvalue()

    def _end(
        self,
        item: DropItem,
        state: DropItemState,
        message: str,
        scanned_file: ScannedFile | None = None,
    ) -> None:
        """End a waiting row; raise ``LeaseLost`` if another worker has done so."""
        item.state, item.message = state, message[:500]
        item.scanned_file, item.ended_at = scanned_file, datetime.now(tz=UTC)
        changed = DropItem.objects.filter(pk=item.pk, state=DropItemState.WAITING).update(
            state=item.state,
            message=item.message,
            scanned_file=item.scanned_file,
            ended_at=item.ended_at,
            put_away_at=None,
        )
        if not changed:
            raise LeaseLost

    def _wait(self, item: DropItem, message: str) -> None:
        """Let a file wait again, with the reason why it was not taken."""
        waiting = DropItem.objects.filter(pk=item.pk, state=DropItemState.WAITING)
        waiting.update(message=message[:500], steady={})

    def _put_away(self, item: DropItem, file: DropFile) -> None:
        if self._stays:
            return
        has_failed = item.state == DropItemState.FAILED
        own = self._listing.own_sidecars(file)
        try:
            self._place.put_away(
                file, own, FAILED if has_failed else DONE, item.message if has_failed else ""
            )
        except FileChanged:
            # The next poll lists the place again.
            return
        except NotPutAway as error:
            # The others would stay as well; the rows remember the results.
            self._stays = True
            self.notices.append(str(error))
            return
        DropItem.objects.filter(pk=item.pk).update(put_away_at=datetime.now(tz=UTC))


def _explained(sidecar: DropFile, read: partial[sidecars.Cells]) -> sidecars.Cells:
    """Return a sidecar's values; name it in the refusal."""
    try:
        return read()
    except IntakeRefused as refused:
        name = printable_path(sidecar.parts[-1])
        raise IntakeRefused(refused.code, f"{name}: {refused}") from refused


@cache
def _machine() -> str:
    """Return a name of this machine's monotonic clock, which starts with the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        # The clock may be this process's own.
        return uuid.uuid4().hex


@contextmanager
def _scratch(drop: Drop) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a file for a copy, and its path; it is deleted unless the storage has moved it."""
    handle, name = tempfile.mkstemp(prefix=f"drop-{drop.uid}-", dir=settings.FILE_UPLOAD_TEMP_DIR)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as scratch:
            yield scratch, path
    finally:
        path.unlink(missing_ok=True)
