"""The box that compares the engines of a file."""

from __future__ import annotations

from django import template

from portal.engines import Comparison, compare
from scanning.models import ScannedFile

register = template.Library()


@register.inclusion_tag("scanning/_file_engines.html")
def file_engines(file: ScannedFile) -> dict[str, Comparison | None]:
    """Draw the engines of a file; nothing where the embedded one works alone."""
    return {"comparison": compare(file)}
