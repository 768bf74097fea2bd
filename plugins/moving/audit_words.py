"""Words of the audit trail about trials of engines."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {"trial": lazy("trial of both engines")}
ACTIONS: Final = {
    "trial.begun": "Trial of both engines begun",
    "trial.ended": "Trial of both engines ended",
    "trial.judged": "Find of a trial judged",
}
