"""Admin screens of episodes and uses of music.

The portal's pages change them, so that each change is an event.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from review.programmes.models import Episode, MusicUse
from web.portal.admin.base import RoleAdmin, all_field_names, register_records

# What files are as programmes.
register_records(
    Episode,
    list_display=["scanned_file", "series", "season", "number", "title"],
    search_fields=["series", "title", "scanned_file__name"],
)


@admin.register(MusicUse)
class MusicUseAdmin(RoleAdmin[MusicUse]):
    """How files use recordings."""

    list_display = ["scanned_file", "recording", "use", "origin"]
    list_filter = ["use", "origin"]
    search_fields = ["scanned_file__name", "recording__title"]
    readonly_fields = (
        *all_field_names(MusicUse, but=["id", "own_recording", "live"]),
        *("own_recording_said", "live_said"),
    )

    @admin.display(description=_("own recording"))
    def own_recording_said(self, use: MusicUse) -> str:
        """Return whether the recording is the station's own, if somebody said so."""
        return _answer_label(use.own_recording)

    @admin.display(description=_("live recording"))
    def live_said(self, use: MusicUse) -> str:
        """Return whether the recording is live, if somebody said so."""
        return _answer_label(use.live)


def _answer_label(answer: bool | None) -> str:
    if answer is None:
        return gettext("Not known")
    return gettext("Yes") if answer else gettext("No")
