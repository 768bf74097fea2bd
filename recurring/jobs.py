"""The jobs that find repeated unknown sound, and give it to the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from jobs.choices import Priority
from jobs.kinds import Kind, register
from recurring.models import UnknownItem

CUT_AUDIO = register(
    Kind(
        "unknown_audio",
        UnknownItem,
        "recurring.cutting.run",
        label=_("Audio of a named item"),
        priority=Priority.AFTERWARDS,
    )
)
