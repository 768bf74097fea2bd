"""What letters require and add to the settings."""

from __future__ import annotations

import environ

REQUIRES = ()

ACRPORTAL_LETTERS_MOST: int = environ.FileAwareEnv().int("ACRPORTAL_LETTERS_MOST", 100)
