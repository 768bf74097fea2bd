"""How a programme uses music, and where that comes from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


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
