"""Choices of the models of broadcasts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Showing(models.TextChoices):
    """Whether a broadcast is a programme's first."""

    FIRST = "first_run", _("First broadcast")
    REPEAT = "repeat_run", _("Repeat")


class CueUse(models.TextChoices):
    """How a programme uses music; values are DDEX's."""

    THEME = "Theme", _("Theme")
    BACKGROUND = "Background", _("Background")
    ON_SCREEN = "OnScreenMusic", _("Heard by the people in it")
    AUDIO_LOGO = "AudioLogo", _("Audio logo")
    BUMPER = "Bumper", _("Bumper")
    ESSENTIAL = "EssentialPart", _("Essential part")


class MusicOrigin(models.TextChoices):
    """Where music comes from; values are DDEX's."""

    LIBRARY = "LibraryMusic", _("Library music")
    PREEXISTING = "PreexistingMusic", _("Music that existed before")
    COMMISSIONED = "SpeciallyCommissionedMusic", _("Commissioned for the programme")
    UNKNOWN = "Unknown", _("Not known")


class RightsType(models.TextChoices):
    """The rights that revenue is for; values are DDEX's."""

    PERFORMING = "PerformingRight", _("Performing right")
    MECHANICAL = "MechanicalRight", _("Mechanical right")
    REPRODUCTION = "ReproductionRight", _("Reproduction right")
    MAKING_AVAILABLE = "MakeAvailableRight", _("Making available right")
