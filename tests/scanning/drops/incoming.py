"""Drops in a folder of a test, and polls of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_django import Settings

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from base.jobs.services import submit
from scanning.choices import DropItemState
from scanning.drops import services
from scanning.jobs import DROP_POLL
from scanning.models import Container, Drop, DropItem


@dataclass
class Incoming:
    """A folder and the drop that takes its files."""

    folder: Path
    drop: Drop

    def write(self, path: str, content: bytes | str = b"some sound") -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def poll(self, times: int = 1) -> None:
        poll(self.drop, times)

    def states(self) -> dict[str, str]:
        rows = DropItem.objects.filter(drop=self.drop).order_by("pk")
        return {item.path: item.state for item in rows}

    def message(self, path: str) -> str:
        return DropItem.objects.filter(drop=self.drop, path=path).latest("pk").message

    def files(self) -> list[str]:
        paths = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(str(path.relative_to(self.folder)) for path in paths)


def allow_drops(root: Path, settings: Settings) -> Path:
    """Let drops lie below ``root``, and files settle at the second poll."""
    settings.ACRPORTAL_DROP_ROOTS = [str(root)]
    settings.ACRPORTAL_DROP_SETTLE_SECONDS = 0.0
    return root


def poll(drop: Drop, times: int = 1) -> None:
    for _ in range(times):
        submit(DROP_POLL, drop)
        job = run_next(Pool.TALK)
        assert job is not None
        job.refresh_from_db()
        assert job.state == "done", job.cause
        drop.refresh_from_db()


def drop_in(place: str, container: Container, user: User, **columns: object) -> Drop:
    """Make a drop."""
    made = Drop(name="Incoming", place=place, container=container, **columns)
    return services.create_drop(drop=made, user=user)


WAITING, TAKEN = DropItemState.WAITING.value, DropItemState.TAKEN.value
KNOWN, FAILED = DropItemState.KNOWN.value, DropItemState.FAILED.value
