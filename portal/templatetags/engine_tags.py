"""Template tag for the comparison of a file's engines."""

from __future__ import annotations

from django import template

from portal.files.engines import Comparison, compare
from scanning.models import ScannedFile

register = template.Library()


@register.inclusion_tag("portal/files/_file_engines.html")
def file_engines(file: ScannedFile) -> dict[str, Comparison | None]:
    """Draw the engine comparison; nothing if only the embedded engine is used."""
    return {"comparison": compare(file)}
