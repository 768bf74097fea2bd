"""The rows of ``Moved``: one for each object of an account, and what it became here.

What was moved before is left alone if it is the same there. If it changed there, ours
follows unless somebody changed ours, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket
from catalogue.services import reserved_bucket
from plugins.moving.importing.remote import RemoteSettings, UnknownForm, digest, text_of
from plugins.moving.importing.summary import MoveSummary
from plugins.moving.models import Moved, MovedKind, MovedOutcome, MoveIn
from scanning.models import Container

# Any in this module: JSON of another service, and objects that are read from it.
Json = dict[str, Any]
Row = TypeVar("Row", bound=Model)

PROJECT: Final = "project:"
"""Begins the remote id of a project of streams, which is a container here."""


@dataclass(frozen=True, slots=True)
class Became:
    """What became of an object: our case, or the code and text of why it did not move."""

    outcome: MovedOutcome
    case: str = ""
    ours: str = ""
    code: str = ""
    text: str = ""
    callback_url: str = ""


def not_moved(code: str, text: str) -> Became:
    """Say why an object did not move."""
    return Became(MovedOutcome.NOT_MOVED, code=code, text=text)


def unchanged(moved: Moved) -> Became:
    """Leave what an object became as it is."""
    return Became(MovedOutcome.SAME, moved.case, moved.ours, callback_url=moved.callback_url)


def changed_there(moved: Moved) -> Became:
    """Leave ours as it is, and say that it changed there."""
    text = _("It changed there since it was moved. Ours stays: change it by hand.")
    return replace(unchanged(moved), code="move_changed", text=text)


def refuse_name(name: str) -> Became:
    """Say that an object did not move because of its name."""
    text = _("Its name %(name)s is taken here, also with its number.") % {"name": name}
    return not_moved("move_name_taken", text)


def free_name(name: str, remote: str, rows: Any) -> str:  # Any: a manager
    """Return a name that nothing here has; empty if there is none."""
    names = (name, f"{name[:170]} (ACRCloud {remote[:20]})")
    with working_for(None):
        return next(
            (candidate for candidate in names if not rows.filter(name=candidate).exists()), ""
        )


@dataclass(slots=True)
class Records:
    """What became of the objects of one account; counts them in ``summary``."""

    move_in: MoveIn
    user: User
    summary: MoveSummary = field(default_factory=MoveSummary)
    reads_again: bool = False
    """Whether a list is read once more, so that its known objects are counted already."""

    def move(
        self,
        kind: MovedKind,
        row: Json,
        parent: str,
        read: Callable[[Json], Any],
        act: Callable[[Any, Moved | None], Became],
    ) -> bool:
        """Settle a row of the account, or note that its form is unknown."""
        try:
            there = read(row)
        except UnknownForm as fault:
            self.note_unread(kind, row, parent, str(fault))
            return False
        name = there.details.title if kind == MovedKind.RECORDING else there.name
        return self.settle(kind, there.id, parent, name, there, act)

    def settle(
        self,
        kind: MovedKind,
        key: str,
        parent: str,
        name: str,
        there: Any,
        act: Callable[[Any, Moved | None], Became],
    ) -> bool:
        """Move an object unless it is known and the same; return whether it was unknown."""
        moved, theirs = self.find(kind, key), digest(there)
        if moved is not None and moved.case and moved.theirs == theirs:
            if not self.reads_again:
                self.summary.count(kind, MovedOutcome.SAME)
            return False
        became = act(there, moved if moved is not None and moved.case else None)
        self.note(kind, key, parent, name, theirs, became, moved)
        return moved is None

    def note(
        self,
        kind: MovedKind,
        key: str,
        parent: str,
        name: str,
        theirs: str,
        became: Became,
        moved: Moved | None,
    ) -> None:
        """Write what became of an object; ``theirs`` is the digest of it there."""
        if moved is None or not self.reads_again:
            self.summary.count(kind, became.outcome)
        values = asdict(became) | {
            "parent": parent,
            "name": name[:500],
            "theirs": theirs,
            "text": became.text[:1000],
        }
        if moved is not None and moved.case and not became.case:
            # What it became before is still here.
            values |= {"case": moved.case, "ours": moved.ours}
        if moved is not None and all(
            getattr(moved, column) == value for column, value in values.items()
        ):
            return
        row = moved or Moved(account=self.move_in.account, kind=kind, remote_id=key)
        for column, value in values.items():
            setattr(row, column, value)
        row.save()

    def note_unread(self, kind: MovedKind, row: Json, parent: str, why: str) -> None:
        """Note an object of an unknown form; without an id, its content names it."""
        key = text_of(row.get("id"), 64) or f"?{digest(row)[:32]}"
        became = not_moved("move_form", why)
        name = text_of(row.get("name") or row.get("title"), 500)
        self.note(kind, key, parent, name, digest(row), became, self.find(kind, key))

    def find(self, kind: MovedKind, key: str) -> Moved | None:
        """Return the row of an object by its remote id."""
        rows = Moved.objects.filter(account=self.move_in.account, kind=kind)
        return rows.filter(remote_id=key).first()

    def container_of(self, remote: str) -> Container | None:
        """Return what a container became; None if it was deleted or did not move."""
        return self._ours(MovedKind.CONTAINER, remote, Container.objects.present())

    def bucket_of(self, remote: str) -> Bucket | None:
        """Return what a bucket became; None if it was deleted or did not move."""
        return self._ours(MovedKind.BUCKET, remote, Bucket.objects.present())

    def _ours(self, kind: MovedKind, remote: str, rows: QuerySet[Row]) -> Row | None:
        moved = self.find(kind, remote)
        if moved is None or not moved.case:
            return None
        return rows.filter(pk=moved.case.partition(":")[2]).first()

    def buckets_of(self, there: RemoteSettings) -> tuple[list[Bucket], list[str]]:
        """Return the buckets that became of a container's, and names of the missing."""
        buckets, missing = [], []
        for key, name in there.buckets:
            if key == str(ACRCLOUD_MUSIC_BUCKET_ID):
                buckets.append(reserved_bucket())
            elif (bucket := self.bucket_of(key)) is not None:
                buckets.append(bucket)
            else:
                missing.append(name or key)
        return buckets, missing
