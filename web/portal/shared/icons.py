"""Draws icons of the sprite, and the badges and warnings of lists that begin with one."""

from __future__ import annotations

from functools import cache, lru_cache

from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString


def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """Draw an icon of the sprite; without a label, screen readers skip it."""
    href = f"{_sprite()}#{name}"
    css = f"icon icon--{size}" if size else "icon"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>',
            css,
            label,
            href,
        )
    return _decoration(css, href)


def badge(label: str | Promise, name: str = "", look: str = "outline") -> SafeString:
    """Draw the badge of a state, with an icon."""
    drawn = icon(name) if name else ""
    return format_html('<span class="badge badge--{}">{}{}</span>', look, drawn, label)


def warning(label: str | Promise) -> SafeString:
    """Draw what is wrong with a row, beside its badge."""
    return format_html(
        '<span class="reason due--over">{}<strong>{}</strong></span>', icon("triangle", "14"), label
    )


@cache
def _sprite() -> str:
    """Return the address of the icons, which stays the same while a process runs."""
    return static("img/icons.svg")


@lru_cache(maxsize=512)
def _decoration(css: str, href: str) -> SafeString:
    """Draw an unlabelled icon, cached because a list has hundreds of them."""
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', css, href)
