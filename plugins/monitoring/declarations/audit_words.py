"""Words of the audit trail about declarations."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {
    "declaration": lazy("declaration"),
    "declaration-profile": lazy("declaration profile"),
}
