"""Kinds of imports: each registers in the ``kind.py`` of its folder.

From the registration come its jobs, pages, addresses, admin screen, place in the search
and name on the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

import base.jobs.kinds
from base.accounts.models import User
from base.accounts.reach import is_limited, refuse_limited
from base.accounts.roles import Action
from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind
from imports.mapping import NO_TARGETS, Targets
from imports.models import Import, ImportStatus, MappedImport
from imports.samples import Sample
from imports.staying import undoers

Columns = dict[str, Any]  # Any: of an import's own row
Text = str | Promise
One = TypeVar("One", bound=Import)

_NOT_YOUR_ROLE = _("Your role does not allow this. Ask an admin for the role that does.")
_STAYS = _("What was imported stays.")
_CANCELLED = _("It was cancelled.")
_START_LABEL = _("Import the rows without faults")


class ImportWork(Protocol):
    """Imports a file, or only checks it (``dry``); returns the outcome's columns.

    Raises ``ImportRefused`` if the file is unusable.
    """

    def __call__(
        self, import_: Any, heartbeat: Callable[[], None], *, dry: bool
    ) -> Columns:  # Any: an import of the kind
        """Do it; ``heartbeat`` is called for each entry."""


_UNDO: Final = _(
    "The undo checks each change again and leaves alone what changed meanwhile. "
    "Recordings that were added are retired; their matches and history stay."
)


@dataclass(frozen=True, slots=True)
class PageWords:
    """How pages call what is imported."""

    check: Text
    unreadable: Text
    another: Text
    not_waiting: Text
    undo: Text = _UNDO


OF_TABLE: Final = PageWords(
    _("Check the table"),
    _("This table cannot be read"),
    _("Choose another table"),
    _("This table is not waiting to be imported."),
)
OF_FILE: Final = PageWords(
    _("Check the file"),
    _("This file cannot be read"),
    _("Choose another file"),
    _("This file is not waiting to be imported."),
)


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A sample at the address ``slug`` below the kind's; ``links`` are texts by format."""

    slug: str
    name: str
    sample: Sample
    links: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class FirstStep:
    """What must be made on another page before an import of a kind can begin."""

    title: Text
    text: Text
    label: Text
    page: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportKind(Generic[One]):
    """One kind of import.

    ``key`` names it on the command line and begins its templates. ``name`` begins the
    names of its jobs and pages, ``event`` those of its audit events. ``work`` is the
    path of an ``ImportWork``.
    """

    key: str
    name: str
    model: type[One]
    work: str
    event: str
    file_label: str = "file"
    """Name of the file in audit events."""
    action: Action
    denied: Text = ""
    """Why people without ``action`` may not; empty where only pages ask for it."""

    labels: tuple[Text, Text, Text, Text]
    """The jobs: check, import, check of an undo, undo."""
    related: tuple[str, ...] = ()
    """Relations that titles of its jobs read."""
    scheduling: Mapping[str, Any] = field(default_factory=dict)
    """Further columns of the ``Kind`` of its check and import. Any: their types."""

    form: type[forms.Form]
    """The fields beside the place, which the page adds."""
    uploads: Mapping[str, tuple[str, str]]
    """Fields with files: their column, and the path of the stored file by uid."""
    prepare: Callable[[User, Columns], Columns] = lambda _user, values: values
    """Turns the other values of the form into columns."""
    columns: tuple[str, ...] = ()
    """Its own columns, for the admin screen."""

    summary: type[Any]  # Any: a dataclass of counters
    address: str
    parent: str
    """The name of the page above."""
    parent_title: Text
    buttons: tuple[str, ...] = ()
    """The names of the pages with a button for it."""
    icon: str = "file"
    title: Text
    lead: Text
    start_label: Text = _START_LABEL
    words: PageWords = OF_TABLE
    first_step: Callable[[], FirstStep | None] = lambda: None
    """What is missing for the form, which then is not shown."""
    help: Mapping[str, object] = field(default_factory=dict)
    """Variables of the template with the help text."""
    samples: tuple[SampleFile, ...] = ()
    context: Callable[[Any], dict[str, Any]] = lambda _import: {}
    """Further values for the page of an import. Any: an import, values of a template."""
    targets: Callable[[One], Targets] | None = None
    """What the columns of its table can become, if a person may map them."""

    undoers: Mapping[str, str] = field(default_factory=dict)
    """Paths of the functions that take back an event of each action."""
    before_undo: str = ""
    after_undo: str = ""
    """Paths of what is done to a whole ``Undo``, unless it is only checked."""

    check: Kind = field(init=False)
    carry_out: Kind = field(init=False)
    undo_check: Kind = field(init=False)
    undo: Kind = field(init=False)

    def __post_init__(self) -> None:
        """Make the kinds of its jobs."""
        for step, label in zip(_STEPS, self.labels, strict=True):
            # The class is frozen.
            object.__setattr__(self, step, _job_kind(self, step, label))

    @property
    def jobs(self) -> tuple[Kind, Kind, Kind, Kind]:
        return self.check, self.carry_out, self.undo_check, self.undo

    @property
    def prefix(self) -> str:
        """Return how the uids of its imports begin."""
        return self.new_uid().partition("_")[0]

    @property
    def form_page(self) -> str:
        return f"portal:{self.name}"

    @property
    def detail_page(self) -> str:
        return f"portal:{self.name}_detail"

    @property
    def start_page(self) -> str:
        return f"portal:{self.name}_start"

    @property
    def columns_page(self) -> str:
        return f"portal:{self.name}_columns"

    @property
    def undo_page(self) -> str:
        return f"portal:{self.name}_undo"

    def new_uid(self) -> str:
        return self.model().uid

    def load_work(self) -> ImportWork:
        work: ImportWork = import_string(self.work)
        return work

    def is_open_to(self, user: User) -> bool:
        """Return whether a person may import such files."""
        is_refused = self.model.concerns_everything and is_limited(user)
        return user.has_perm(self.action) and not is_refused

    def refuse(self, user: User) -> None:
        """Raise ``PermissionDenied`` if the user may not work with imports of this kind."""
        if self.model.concerns_everything:
            refuse_limited(user)
        if not user.has_perm(self.action):
            raise PermissionDenied(str(self.denied or _NOT_YOUR_ROLE))


AnyKind = ImportKind[Any]  # Any: where the model does not matter


@dataclass(frozen=True, slots=True)
class _Step:
    suffix: str
    priority: Priority
    statuses: tuple[ImportStatus, ImportStatus, ImportStatus]
    """While it waits or runs, when it is done, and when it stopped."""
    on_end: base.jobs.kinds.Ended | None = None


def _end_check(import_: Import, state: JobState, _code: str, _cause: str) -> None:
    if state is JobState.CANCELLED:
        kind_of(import_).check.show(import_.pk, state, str(_CANCELLED))


def _end_import(import_: Import, state: JobState, code: str, cause: str) -> None:
    if code != "refused":
        reason = cause[:400] or _CANCELLED
        kind_of(import_).carry_out.show(import_.pk, state, f"{reason} {_STAYS}")


_PERSON, _DOCUMENT, _Is = Priority.PERSON, Priority.DOCUMENT, ImportStatus
_STEPS: Final = {
    "check": _Step("_check", _PERSON, (_Is.CHECKING, _Is.CHECKED, _Is.REFUSED), _end_check),
    "carry_out": _Step("", _DOCUMENT, (_Is.IMPORTING, _Is.DONE, _Is.REFUSED), _end_import),
    "undo_check": _Step("_undo_check", _PERSON, (_Is.UNDO_CHECKING, _Is.UNDO_CHECKED, _Is.DONE)),
    "undo": _Step("_undo", _DOCUMENT, (_Is.UNDOING, _Is.UNDONE, _Is.UNDO_CHECKED)),
}


def _job_kind(kind: AnyKind, name: str, label: Text) -> Kind:
    step = _STEPS[name]
    working, done, stopped = step.statuses
    return Kind(
        f"{kind.name}{step.suffix}",
        kind.model,
        f"imports.jobs.{name}",
        label=label,
        page=lambda import_: reverse(kind.detail_page, args=[import_.uid]),
        related=kind.related,
        priority=step.priority,
        gives_way=True,
        mirror={
            JobState.WAITING: working,
            JobState.RUNNING: working,
            JobState.DONE: done,
            JobState.FAILED: stopped,
            JobState.CANCELLED: stopped,
        },
        cause_field="message",
        on_end=step.on_end,
        **(kind.scheduling if step.on_end else {}),
    )


_kinds: dict[type[Model], AnyKind] = {}


def register(kind: ImportKind[One]) -> ImportKind[One]:
    """Make a kind and its jobs known."""
    for job_kind in kind.jobs:
        base.jobs.kinds.register(job_kind)
    _kinds[kind.model] = kind
    return kind


def unregister(kind: AnyKind) -> None:
    """Forget a kind, as tests do with theirs."""
    for job_kind in kind.jobs:
        base.jobs.kinds.unregister(job_kind)
    del _kinds[kind.model]


def register_folders(package: Path) -> None:
    """Import the ``kind.py`` of each folder of this package."""
    for path in sorted(package.glob("*/kind.py")):
        import_module(f"imports.{path.parent.name}.kind")


def all_kinds() -> list[AnyKind]:
    return list(_kinds.values())


def kind_of(import_: Import) -> AnyKind:
    return _kinds[type(import_)]


def targets_of(import_: MappedImport) -> Targets:
    """Return what the columns of an import's table can become."""
    targets = kind_of(import_).targets
    return targets(import_) if targets else NO_TARGETS


def kind_of_model(model: type[Model] | None) -> AnyKind | None:
    """Return the kind whose imports are rows of a model, if any is."""
    return _kinds.get(model) if model else None


def kind_of_uid(uid: str) -> AnyKind | None:
    """Return the kind of an import, or of a command's run, by its uid."""
    prefix = uid.partition("_")[0]
    return next((kind for kind in all_kinds() if kind.prefix == prefix), None)


def undoer_of(action: str) -> str:
    """Return the path of the function that takes back such an event; empty for none."""
    registered = (*(kind.undoers for kind in all_kinds()), *undoers)
    return next((by_action[action] for by_action in registered if action in by_action), "")
