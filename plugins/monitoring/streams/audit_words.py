"""Words of the audit trail about streams."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {"station": lazy("station"), "stream": lazy("stream")}
