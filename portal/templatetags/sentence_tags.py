"""Template filter that writes library headings in sentence case."""

from __future__ import annotations

import re

from django import template

register = template.Library()


@register.filter(is_safe=True)
def sentence(text: str) -> str:
    """Lower the initial of every word but the first; abbreviations stay."""
    return re.sub(
        r"(?<=[\s-])[A-Z](?=[a-z])", lambda initial: initial[0].lower(), text.strip()
    )
