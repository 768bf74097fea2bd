"""How people try a job again or cancel it, where another feature has its kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.registry import Registry
from base.jobs.listing import ListedJob


@dataclass(frozen=True, slots=True)
class JobActions:
    """The permission to act on a kind of job, and the functions that do it.

    ``refusals`` are the exceptions with which ``again`` refuses.
    """

    action: Action
    again: Callable[[ListedJob, User], object]
    cancel: Callable[[ListedJob, User], object] | None = None
    refusals: tuple[type[Exception], ...] = ()


job_actions: Registry[tuple[str, JobActions]] = Registry()
"""The actions by the name of a kind; without them, admins can try its jobs again."""
