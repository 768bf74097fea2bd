"""Loads pages' templates without the indentation of their lines.

No browser shows it, and it was a third of a long list. Line breaks stay, so that words
stay apart and errors name the right line.
"""

from __future__ import annotations

import re

from django.template import Origin
from django.template.loaders import app_directories, filesystem

_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


class FolderLoader(filesystem.Loader):
    """Loads templates from the folders in the settings."""

    def get_contents(self, origin: Origin) -> str:
        """Return a template's text; that of a page without indentation."""
        return _without_indentation(origin, super().get_contents(origin))


class AppLoader(app_directories.Loader):
    """Loads templates from the folders of apps."""

    def get_contents(self, origin: Origin) -> str:
        """Return a template's text; that of a page without indentation."""
        return _without_indentation(origin, super().get_contents(origin))


def _without_indentation(origin: Origin, text: str) -> str:
    return _INDENTATION.sub("", text) if origin.name.endswith(".html") else text
