"""Which containers and buckets a person may see, applied wherever rows are read.

The edge says for whom it works: the middleware for whoever is signed in, the API's
authentication for a token's owner. A model of something that lies in containers or buckets
names its way to them in ``reach`` and has a ``ReachManager``; whatever is then read of
it, on a page, in the admin, in a report, leaves out what the person may not see. What
nobody asked for (workers, commands) sees everything.

The condition is worked out when a query runs, not when it is made: querysets that
forms and serializers keep from the start are limited too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import EmptyResultSet, FullResultSet, PermissionDenied
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext as _

from accounts.models import AccessLimit, User
from accounts.roles import Action

Row = TypeVar("Row", bound=models.Model)
Viewer = User | AnonymousUser


class Kind(StrEnum):
    """What a group can be limited to."""

    CONTAINERS = "containers"
    BUCKETS = "buckets"


@dataclass(frozen=True, slots=True)
class Path:
    """How a model gets to its container and to its bucket, as lookups do.

    Empty where it lies in none; "pk" where it is one itself. What ties two recordings
    together lies in two buckets, and is seen by whoever may see both. ``owner`` leads
    to the person who made what holds any of them, as a report does: who is limited sees
    only their own.
    """

    containers: str = ""
    buckets: str = ""
    other_buckets: str = ""
    owner: str = ""

    def ways(self) -> Iterator[tuple[Kind, str]]:
        """Return each way with what it leads to."""
        yield Kind.CONTAINERS, self.containers
        yield Kind.BUCKETS, self.buckets
        yield Kind.BUCKETS, self.other_buckets


class _Viewing:
    """For whom the work is done; what that person may see is read once."""

    def __init__(self, viewer: Viewer | None) -> None:
        self.viewer = viewer
        self._limits: dict[Kind, frozenset[int] | None] | None = None

    def ids(self, kind: Kind) -> frozenset[int] | None:
        """Return the ids that may be seen; None where all may."""
        if self.viewer is None:
            return None
        if self._limits is None:
            self._limits = _limits_of(self.viewer)
        return self._limits[kind]

    def only_own(self) -> bool:
        """Tell whether what reaches everywhere is hidden, but what is one's own."""
        return any(self.ids(kind) is not None for kind in Kind)


_viewing: ContextVar[_Viewing] = ContextVar("viewing", default=_Viewing(None))  # noqa: B039 - holds nobody, so nothing is read into it


def work_for(viewer: Viewer) -> None:
    """Say for whom the work is done, until the enclosing ``working_for`` ends."""
    _viewing.set(_Viewing(viewer))


@contextmanager
def working_for(viewer: Viewer | None) -> Iterator[None]:
    """Work for somebody meanwhile.

    For nobody (None) everything is seen: for rules that look past what a person sees.
    """
    token = _viewing.set(_Viewing(viewer))
    try:
        yield
    finally:
        _viewing.reset(token)


def person_at_work() -> User | None:
    """Return the person for whom the work is done, if it is for one."""
    viewer = _viewing.get().viewer
    return viewer if isinstance(viewer, User) else None


def sees_everything() -> bool:
    """Tell whether nothing is hidden from whoever is at work now."""
    return not _viewing.get().only_own()


def seen_buckets() -> frozenset[int] | None:
    """Return the ids of the buckets that whoever is at work may see; None for all."""
    return _viewing.get().ids(Kind.BUCKETS)


def sees_every_bucket() -> bool:
    """Tell whether "no match" may be said of a file; else only of one's own buckets.

    A file is seen by its container, its matches by their buckets too: what was found in
    it may lie where whoever is at work may not look.
    """
    return seen_buckets() is None


def is_limited(user: User) -> bool:
    """Tell whether there are containers or buckets that a person may not see."""
    return any(ids is not None for ids in _limits_of(user).values())


def refuse_limited(user: User | None) -> None:
    """Raise ``PermissionDenied`` where work that reaches everywhere is not allowed."""
    if user is not None and is_limited(user):
        raise PermissionDenied(
            _(
                "This reaches beyond the containers and buckets that you may see. "
                "Ask an admin to do it."
            )
        )


def _limits_of(viewer: Viewer) -> dict[Kind, frozenset[int] | None]:
    """Return what the groups of a person are limited to, put together.

    A group without a limit of a kind says nothing about it. Admins see everything:
    they set the limits.
    """
    free: dict[Kind, frozenset[int] | None] = dict.fromkeys(Kind)
    if not isinstance(viewer, User) or viewer.has_perm(Action.CONFIGURE):
        return free
    limits = list(AccessLimit.objects.filter(group__user=viewer))
    for kind in Kind:
        told = [ids for limit in limits if (ids := getattr(limit, kind)) is not None]
        if told:
            free[kind] = frozenset().union(*told)
    return free


class _Within(models.Func):
    """The condition that the row's container or bucket may be seen.

    Compiles to ``column IN (ids)``, through a subquery for each table on the way, and
    to nothing where everything may be seen.
    """

    output_field = models.BooleanField()

    def __init__(self, model: type[models.Model], kind: Kind, path: str) -> None:
        first, *self._hops = path.split("__")
        self._model, self._kind, self._first = model, kind, first
        super().__init__(models.F(first))

    def as_sql(  # type: ignore[override]  # takes no options
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition for whoever is at work now."""
        ids = _viewing.get().ids(self._kind)
        if ids is None:
            raise FullResultSet
        if not ids:
            raise EmptyResultSet
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        marks = ", ".join(["%s"] * len(ids))
        inside = reduce(self._through, reversed(self._tables()), f"({marks})")
        return f"{column} IN {inside}", (*parameters, *sorted(ids))

    def _tables(self) -> list[tuple[str, str, str]]:
        """Return table, key and onward column of each hop."""
        model: Any = self._model  # Any: from a field to its model, step by step
        field, tables = self._first, []
        for hop in self._hops:
            model = model._meta.get_field(field).related_model
            onward = model._meta.get_field(hop)
            tables.append((model._meta.db_table, model._meta.pk.column, onward.column))
            field = hop
        return tables

    @staticmethod
    def _through(inside: str, hop: tuple[str, str, str]) -> str:
        table, key, column = hop
        return f'(SELECT "{key}" FROM "{table}" WHERE "{column}" IN {inside})'  # noqa: S608 - names of our models


class _Own(models.Func):
    """The condition that a limited person made it; nothing for all others."""

    output_field = models.BooleanField()

    def as_sql(  # type: ignore[override]  # takes no options
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition for whoever is at work now."""
        viewing = _viewing.get()
        if viewing.viewer is None or not viewing.only_own():
            raise FullResultSet
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"{column} = %s", (*parameters, viewing.viewer.pk or 0)


class ReachManager(models.Manager[Row]):
    """Leaves out what lies in containers and buckets that the person may not see."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """Return the rows within reach of whoever is at work when the query runs."""
        rows = super().get_queryset()
        path: Path = self.model.reach  # type: ignore[attr-defined]  # each model with this manager has it
        for kind, way in path.ways():
            if way:
                rows = rows.filter(_Within(self.model, kind, way))
        if path.owner:
            rows = rows.filter(_Own(models.F(path.owner)))
        return rows
