"""The admin screen of letters."""

from __future__ import annotations

from django.contrib import admin

from plugins.letters.models import Letter
from plugins.letters.pages.lists import LETTERS
from web.portal.admin.base import RoleAdmin


@admin.register(Letter)
class LetterAdmin(RoleAdmin[Letter]):
    """Letters, read-only."""

    list_display = [*LETTERS.admin_columns, "match"]
