"""Choices of the models of broadcasts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Showing(models.TextChoices):
    """Whether a broadcast is a programme's first."""

    FIRST = "first_run", _("First broadcast")
    REPEAT = "repeat_run", _("Repeat")


class RightsType(models.TextChoices):
    """The rights that revenue is for; values are DDEX's."""

    PERFORMING = "PerformingRight", _("Performing right")
    MECHANICAL = "MechanicalRight", _("Mechanical right")
    REPRODUCTION = "ReproductionRight", _("Reproduction right")
    MAKING_AVAILABLE = "MakeAvailableRight", _("Making available right")
