"""The pages on which people act on records that admin screens show."""

from __future__ import annotations

from web.portal.admin.own_pages import own_pages

own_pages.register(
    {
        "conflict": ("rights_conflict", "uid"),
        "party": ("party", "uid"),
        "release": ("release", "uid"),
        "rightsrecording": ("rights_recording", "uid"),
        "work": ("work", "uid"),
    }
)
