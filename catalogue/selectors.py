"""What pages and other packages read of the catalogue."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from catalogue.models import Recording


def search_recordings(*, text: str = "") -> QuerySet[Recording]:
    """Return recordings whose title, artist or code holds ``text``."""
    rows = Recording.objects.select_related("bucket")
    if not text:
        return rows
    return rows.filter(
        Q(title__icontains=text)
        | Q(artists__icontains=text)
        | Q(isrc_normalised__iexact=text.replace("-", ""))
        | Q(custom_id__iexact=text)
        | Q(uid=text)
        | Q(acr_id=text)
    )
