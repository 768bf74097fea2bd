"""Words of the audit trail about notices."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {
    "notice": lazy("takedown notice"),
}


def derived_actions() -> list[str]:
    """Return the actions that are values of an enum."""
    from notices.steps import NoticeStep  # it needs the models

    return [*NoticeStep]
