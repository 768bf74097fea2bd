"""The list of letters."""

from __future__ import annotations

from django.db.models import Q

from plugins.letters.models import Letter
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty

LETTERS = DeclaredList(
    model=Letter,
    title="Letters",
    lead="Letters about matches.",
    rows=lambda _values: Letter.objects.select_related("match__recording"),
    filters=[declared.search("Text", lambda text: Q(text__icontains=text))],
    columns=[
        Column("Letter", "text", "title", sort="text"),
        Column("Recording", "match.recording.full_title"),
        Column("Printed", "printed_at", "quiet", sort="printed", order="printed_at"),
    ],
    link=lambda letter, _user: letter.url,
    empty=Empty("There is no letter yet", "Import letters."),
)
