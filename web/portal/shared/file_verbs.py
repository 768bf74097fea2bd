"""Actions on many ticked files, which other features add to those of the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.functional import Promise

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.registry import Registry
from scanning.models import ScannedFile

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class FileVerb:
    """One action on files: who may, its form, why a file is left out, how it is done."""

    label: str | Promise
    done: _StrPromise
    action: Action
    form: type[forms.Form]
    why_not: Callable[[ScannedFile, User, forms.Form], str]
    do: Callable[[ScannedFile, User, forms.Form], None]
    ends: bool = False
    """Whether the files end, so that people see first what stands on them."""


def always(_file: ScannedFile, _user: User, _form: forms.Form) -> str:
    return ""


file_verbs: Registry[tuple[str, FileVerb]] = Registry()
"""Actions of other features with their names; a card of ``files.bulk`` has the button."""
