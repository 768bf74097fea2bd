"""Access limits: which containers and buckets a person may see.

The edge names the viewer: the middleware for a signed-in person, bearer authentication
for the owner of a token. A model whose rows belong to containers or buckets declares
the path to them in ``reach`` and uses ``ReachManager``. Pages, the admin and reports
then see only permitted rows. Workers and commands have no viewer and see everything.

The condition is compiled when a query runs, not when it is built. Querysets that forms
and serializers create at import time are therefore limited too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import EmptyResultSet, FullResultSet, PermissionDenied
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Action

Row = TypeVar("Row", bound=models.Model)
Viewer = User | AnonymousUser


class LimitKind(StrEnum):
    """The two things a group can be limited to."""

    CONTAINERS = "containers"
    BUCKETS = "buckets"


@dataclass(frozen=True, slots=True)
class Path:
    """The lookup paths from a model to its container, its buckets and its owner.

    A path is empty if there is none, and "pk" on the container or bucket itself. A row
    that links two recordings has two bucket paths, and both must be visible. ``owner``
    leads to the author of rows that can span several containers, such as reports: a
    limited person sees only their own. ``hidden`` is for rows that name many things,
    such as licences: it returns the keys of those that name something the viewer may
    not see. It runs without limits, with the ids of the buckets that the viewer sees.
    """

    containers: str = ""
    buckets: str = ""
    other_buckets: str = ""
    owner: str = ""
    hidden: Callable[[frozenset[int]], Iterable[int]] | None = None

    def ways(self) -> Iterator[tuple[LimitKind, str]]:
        """Yield each path with the kind of limit that applies to it."""
        yield LimitKind.CONTAINERS, self.containers
        yield LimitKind.BUCKETS, self.buckets
        yield LimitKind.BUCKETS, self.other_buckets


class _Viewing:
    """The current viewer; their limits are read once per request."""

    def __init__(self, viewer: Viewer | None) -> None:
        self.viewer = viewer
        self._limits: dict[LimitKind, frozenset[int] | None] | None = None
        self._hidden: dict[type[models.Model], frozenset[int]] = {}

    def ids(self, kind: LimitKind) -> frozenset[int] | None:
        """Return the ids the viewer may see; None means all."""
        if self.viewer is None:
            return None
        if self._limits is None:
            self._limits = _limits_of(self.viewer)
        return self._limits[kind]

    def hidden(self, model: type[models.Model]) -> frozenset[int]:
        """Return the keys of a model's rows that name something out of sight."""
        buckets = self.ids(LimitKind.BUCKETS)
        path: Path = model.reach  # type: ignore[attr-defined]  # as in ``_limited_query``
        if buckets is None or path.hidden is None:
            return frozenset()
        if model not in self._hidden:
            with working_for(None):
                self._hidden[model] = frozenset(path.hidden(buckets))
        return self._hidden[model]

    def only_own(self) -> bool:
        """Tell whether of rows with an owner the viewer sees only their own."""
        return any(self.ids(kind) is not None for kind in LimitKind)


_viewing: ContextVar[_Viewing] = ContextVar("viewing", default=_Viewing(None))  # noqa: B039 - has no viewer, so its cache stays empty


def work_for(viewer: Viewer) -> None:
    """Set the viewer until the enclosing ``working_for`` ends."""
    _viewing.set(_Viewing(viewer))


@contextmanager
def working_for(viewer: Viewer | None) -> Iterator[None]:
    """Set the viewer for a block; None lifts all limits.

    Rules that must look past the viewer's limits, such as uniqueness, pass None.
    """
    token = _viewing.set(_Viewing(viewer))
    try:
        yield
    finally:
        _viewing.reset(token)


class OwnerGone(Exception):
    """The account for which something would leave cannot receive it any more."""


@contextmanager
def sending_for(owner: User | None) -> Iterator[None]:
    """Limit what leaves for an account to what it may see now.

    Raises ``OwnerGone`` if the account was deactivated or deleted.
    """
    active = owner and User.objects.filter(pk=owner.pk, is_active=True).first()
    if not active:
        raise OwnerGone(
            _(
                "The account for which it would be sent was deactivated. Somebody else "
                "must set the address."
            )
        )
    with working_for(active):
        yield


def person_at_work() -> User | None:
    """Return the current viewer if it is a signed-in person."""
    viewer = _viewing.get().viewer
    return viewer if isinstance(viewer, User) else None


def sees_everything() -> bool:
    """Tell whether the current viewer has no limits."""
    return not _viewing.get().only_own()


def seen_buckets() -> frozenset[int] | None:
    """Return the ids of the buckets the viewer may see; None means all."""
    return _viewing.get().ids(LimitKind.BUCKETS)


def hidden_keys(model: type[models.Model]) -> frozenset[int]:
    """Return the keys of a model's rows that name something the viewer may not see."""
    return _viewing.get().hidden(model)


def sees_every_bucket() -> bool:
    """Tell whether a page may say that a file has no match.

    A file is limited by its container, its matches also by their buckets. The match may
    lie in a bucket the viewer cannot see, so the page then speaks of visible buckets
    only.
    """
    return seen_buckets() is None


Limits = dict[str, list[int] | None]
"""The ids of the containers and buckets that somebody may see; None for all of them."""


def limits_at_work() -> Limits:
    """Return the viewer's limits, to be stored with what was read within them."""
    viewing = _viewing.get()
    ids_by_kind = {kind: viewing.ids(kind) for kind in LimitKind}
    return {kind: None if ids is None else sorted(ids) for kind, ids in ids_by_kind.items()}


def sees_within(limits: Limits) -> bool:
    """Return whether the viewer may see all that was read within these limits."""
    for kind in LimitKind:
        seen, then = _viewing.get().ids(kind), limits.get(kind)
        if seen is not None and (then is None or not seen.issuperset(then)):
            return False
    return True


def is_limited(user: User) -> bool:
    """Tell whether any container or bucket is hidden from the user."""
    return any(ids is not None for ids in _limits_of(user).values())


def why_limited(user: User) -> str:
    """Return why a limited user may not do portal-wide work; empty without limits."""
    if not is_limited(user):
        return ""
    return _("This concerns containers or buckets that you may not see. Ask an admin to do it.")


def refuse_limited(user: User | None) -> None:
    """Raise ``PermissionDenied`` if limited users may not do this portal-wide work."""
    if user is not None and (refusal := why_limited(user)):
        raise PermissionDenied(refusal)


def why_unseen(hidden: int) -> str:
    """Return why nobody decides about what they cannot read; empty if they can.

    Who signs, approves, submits, hands over or takes back something answers for each line
    of it. ``hidden`` counts the lines that access limits hide from them; see
    ``count_hidden``.
    """
    if not hidden:
        return ""
    return ngettext(
        "You cannot read all of this: %(n)s part of it lies in containers or buckets that "
        "you cannot see. Ask an admin, or somebody else who sees all of it.",
        "You cannot read all of this: %(n)s parts of it lie in containers or buckets that "
        "you cannot see. Ask an admin, or somebody else who sees all of it.",
        hidden,
    ) % {"n": hidden}


def count_hidden(user: User | None, *rows: models.QuerySet[Any]) -> int:  # Any: any rows
    """Return how many of some rows access limits hide from a user; None has none."""
    if user is None or not is_limited(user):
        return 0
    with working_for(None):
        everything = sum(queryset.count() for queryset in rows)
    with working_for(user):
        return everything - sum(queryset.count() for queryset in rows)


def why_shared(row: models.Model, user: User | None) -> str:
    """Return why a limited user may not change a row that others share.

    Empty if the user may see everything that belongs to the row, such as the streams of
    a station.
    """
    return why_unseen(count_hidden(user, *_belonging(row)))


def refuse_shared(row: models.Model, user: User | None) -> None:
    """Raise ``PermissionDenied`` if ``why_shared`` says why."""
    if refusal := why_shared(row, user):
        raise PermissionDenied(refusal)


def _belonging(row: models.Model) -> list[models.QuerySet[Any]]:
    """Return the rows that refer to a row, or that it names."""
    rows: list[models.QuerySet[Any]] = []  # Any: rows of several models
    for relation in row._meta.related_objects:
        model: Any = relation.related_model  # Any: has the attribute or not
        if hasattr(model, "reach"):
            rows.append(model.objects.filter(**{relation.field.name: row.pk}))
    for field in row._meta.many_to_many:
        named: Any = field.related_model  # Any: as above
        if hasattr(named, "reach"):
            rows.append(named.objects.filter(**{field.related_query_name(): row.pk}))
    return rows


def _limits_of(viewer: Viewer) -> dict[LimitKind, frozenset[int] | None]:
    """Return the union of the limits of the viewer's groups.

    A group without a limit of a kind adds nothing. Admins have no limits, because they
    set them.
    """
    free: dict[LimitKind, frozenset[int] | None] = dict.fromkeys(LimitKind)
    # Permissions already stop anonymous users, so they need no access limits.
    if not isinstance(viewer, User) or viewer.has_perm(Action.CONFIGURE):
        return free
    limits = list(AccessLimit.objects.filter(group__user=viewer))
    for kind in LimitKind:
        granted = [ids for limit in limits if (ids := getattr(limit, kind)) is not None]
        if granted:
            free[kind] = frozenset().union(*granted)
    return free


class _Within(models.Func):
    """The condition that the viewer may see the row's container or bucket.

    It compiles to ``column IN (ids)``, with one subquery per table on the path, and to
    nothing without a limit.
    """

    output_field = models.BooleanField()

    def __init__(self, model: type[models.Model], kind: LimitKind, path: str) -> None:
        first, *self._hops = path.split("__")
        self._model, self._kind, self._first = model, kind, first
        super().__init__(models.F(first))

    def as_sql(  # type: ignore[override]  # takes no options
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition for the current viewer."""
        ids = _viewing.get().ids(self._kind)
        if ids is None:
            raise FullResultSet
        # ``IN ()`` is not valid SQL.
        if not ids:
            raise EmptyResultSet
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        marks = ", ".join(["%s"] * len(ids))
        inside = f"({marks})"
        model: Any = self._model  # Any: from a field to its model, step by step
        field, tables = self._first, []
        for hop in self._hops:
            model = model._meta.get_field(field).related_model
            onward = model._meta.get_field(hop).column
            tables.append((model._meta.db_table, model._meta.pk.column, onward))
            field = hop
        for table, key, onward in reversed(tables):
            inside = f'(SELECT "{key}" FROM "{table}" WHERE "{onward}" IN {inside})'  # noqa: S608 - names of our models
        return f"{column} IN {inside}", (*parameters, *sorted(ids))


class _Own(models.Func):
    """The condition that a limited viewer created the row; nothing for anybody else."""

    output_field = models.BooleanField()

    def as_sql(  # type: ignore[override]  # takes no options
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition for the current viewer."""
        viewing = _viewing.get()
        if viewing.viewer is None or not viewing.only_own():
            raise FullResultSet
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        return f"{column} = %s", (*parameters, viewing.viewer.pk or 0)


class _NamesNothingHidden(models.Func):
    """The condition that the row names nothing that the viewer may not see."""

    output_field = models.BooleanField()

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        super().__init__(models.F("pk"))

    def as_sql(  # type: ignore[override]  # takes no options
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        """Return the condition for the current viewer."""
        hidden = hidden_keys(self._model)
        if not hidden:
            raise FullResultSet
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        marks = ", ".join(["%s"] * len(hidden))
        return f"{column} NOT IN ({marks})", (*parameters, *sorted(hidden))


# Not deleted; also the ``limit_choices_to`` of foreign keys.
PRESENT: dict[str, object] = {"deleted_at__isnull": True}


class ReachManager(models.Manager[Row]):
    """Leaves out rows in containers and buckets that the viewer may not see."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """Return the rows the viewer may see when the query runs."""
        rows = super().get_queryset()
        rows.query = _limited_query(self.model).chain()
        return rows


@cache
def _limited_query(model: type[models.Model]) -> Query:
    """Return the query for a model's rows within the limits of whoever runs it.

    It is built once, because building it took a tenth of the time of short queries.
    """
    rows: models.QuerySet[Any] = models.QuerySet(model)  # Any: rows of any such model
    path: Path = model.reach  # type: ignore[attr-defined]  # each model with this manager has it
    for kind, way in path.ways():
        if way:
            rows = rows.filter(_Within(model, kind, way))
    if path.owner:
        rows = rows.filter(_Own(models.F(path.owner)))
    if path.hidden is not None:
        rows = rows.filter(_NamesNothingHidden(model))
    return rows.query


class PresentManager(ReachManager[Row]):
    """Also returns deleted rows, which history still refers to."""

    def present(self) -> models.QuerySet[Row]:
        """Return the visible rows that are not deleted."""
        return self.get_queryset().filter(**PRESENT)
