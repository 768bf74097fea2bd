"""Words of the audit trail about broadcasts."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {"broadcast_import": lazy("broadcast import"), "revenue": lazy("revenue")}
