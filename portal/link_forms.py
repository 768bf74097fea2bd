"""Forms of the page for many links."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core import signing

from scanning.models import Container
from scanning.sources.feeds import Feed, FeedItem
from scanning.sources.platform_page import read_moment

_SALT = "portal.links.feed"
_MAX_CSV_BYTES = 2 * 1024**2
_OFFER_SECONDS = 24 * 3600


class ManyLinksForm(forms.Form):
    """Links pasted or in a CSV file."""

    container = forms.ModelChoiceField(Container.objects.all(), empty_label=None)
    links = forms.CharField(
        required=False,
        max_length=500_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        label="Links, in any text",
    )
    csv_file = forms.FileField(
        required=False,
        label="Or a CSV file",
        help_text="With a column url; programme, account, external_id and name are "
        "read too.",
    )
    scan_again = forms.BooleanField(
        required=False, label="Scan links again that were submitted before"
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Ask for something to scan."""
        told = super().clean() or {}
        if not told.get("links", "").strip() and not told.get("csv_file"):
            raise forms.ValidationError("Paste links, or choose a CSV file.")
        return told

    def clean_csv_file(self) -> Any:  # Any: an uploaded file
        """Refuse what is too large to be a list of links."""
        given = self.cleaned_data["csv_file"]
        if given and given.size > _MAX_CSV_BYTES:
            raise forms.ValidationError("A CSV file of links has at most 2 MiB.")
        return given


class FeedForm(forms.Form):
    """A feed, playlist or channel to look into."""

    feed_url = forms.CharField(
        max_length=2000, label="Feed, podcast, playlist or channel"
    )


class ItemsForm(forms.Form):
    """The items of a feed that are to be scanned."""

    container = forms.ModelChoiceField(Container.objects.all(), empty_label=None)
    chosen = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={"required": "Choose at least one item."},
    )
    offer = forms.CharField(max_length=2_000_000, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any) -> None:
        """Read what was offered back from the page. Any: Django's own arguments."""
        super().__init__(*arguments)
        self.items = items_of(str(self.data.get("offer", "")))
        chosen = self.fields["chosen"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [(number, number) for number in range(len(self.items))]

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Refuse an offer that is too old or was changed."""
        if not self.items:
            raise forms.ValidationError(
                "Look into the feed again: the list is too old."
            )
        return super().clean() or {}


def offer_of(feed: Feed) -> str:
    """Return the items of a feed as text that comes back unchanged or not at all."""
    rows = [
        [
            item.url,
            item.title,
            item.account,
            item.published_at.isoformat() if item.published_at else "",
        ]
        for item in feed.items
    ]
    return signing.dumps(rows, salt=_SALT, compress=True)


def items_of(offer: str) -> list[FeedItem]:
    """Return the items of an offer; none where it is not ours or too old."""
    try:
        rows = signing.loads(offer, salt=_SALT, max_age=_OFFER_SECONDS)
    except signing.BadSignature:
        return []
    return [
        FeedItem(url, title, account, read_moment(published))
        for url, title, account, published in rows
    ]
