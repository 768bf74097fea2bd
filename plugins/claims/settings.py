"""What platform claims add to the settings."""

from __future__ import annotations

from typing import Final

ENUMS: Final = {"ClaimFileKindEnum": "plugins.claims.choices.FileKind"}
