"""Words of the audit trail about notices."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {"notice": lazy("takedown notice")}
