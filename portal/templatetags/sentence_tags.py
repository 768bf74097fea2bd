"""Headings of libraries, written as the portal writes its own."""

from __future__ import annotations

import re

from django import template

register = template.Library()


@register.filter(is_safe=True)
def sentence(text: str) -> str:
    """Take the capitals off all words but the first; abbreviations keep theirs."""
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z])", lambda one: one[0].lower(), text.strip())
