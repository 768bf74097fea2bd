"""What rights add to the settings."""

from __future__ import annotations

ENUMS = {
    "RightEnum": "catalogue.owners.choices.Right",
    "ShareKindEnum": "catalogue.owners.choices.ShareKind",
}
