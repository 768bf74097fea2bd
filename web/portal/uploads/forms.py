"""Forms of the pages for uploads and for many links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.phrases import format_html_lazy
from scanning.errors import IntakeRefused
from scanning.services.link_batches import WantedLink, links_of_text
from scanning.sources.feeds import Feed, FeedItem
from scanning.sources.platform_page import read_moment
from web.portal.shared.arrivals import ArrivalForm
from web.portal.shared.fields import container_field
from web.portal.shared.file_details import FileDetailsForm

_SALT = "portal.links.offer"
_MAX_CSV_BYTES = 2 * 1024**2
_OFFER_SECONDS = 24 * 3600
ONE_ADDRESS = _("This is the address of one file. Choose one file, or leave it empty.")


class ManyLinksForm(ArrivalForm):
    """Links pasted or in a CSV file."""

    container = container_field()
    links = forms.CharField(
        required=False,
        max_length=500_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        label=_("Links, in any text"),
    )
    csv_file = forms.FileField(
        required=False,
        label=_("Or a CSV file"),
        help_text=format_html_lazy(
            _("With a column <code>{}</code>; {} are also read."),
            "url",
            format_html_join(
                ", ",
                "<code>{}</code>",
                [(name,) for name in ("programme", "account", "external_id", "name")],
            ),
        ),
    )
    scan_again = forms.BooleanField(
        required=False, label=_("Scan links again that were submitted before")
    )

    def clean_links(self) -> str:
        """Read the links in the text, which stays as it is, to be shown again."""
        text = str(self.cleaned_data["links"])
        self.pasted = pasted_links(text)
        return text

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Require links or a CSV file."""
        values = super().clean()
        if not values.get("links", "").strip() and not values.get("csv_file"):
            raise forms.ValidationError(gettext("Paste links, or choose a CSV file."))
        return values

    def clean_csv_file(self) -> Any:  # Any: an uploaded file
        """Refuse a file over ``_MAX_CSV_BYTES``."""
        csv_file = self.cleaned_data["csv_file"]
        if csv_file and csv_file.size > _MAX_CSV_BYTES:
            raise forms.ValidationError(gettext("A CSV file of links may have at most 2 MiB."))
        return csv_file


def pasted_links(text: str) -> list[WantedLink]:
    """Return the links in a field's text; refuse a line that is too long."""
    try:
        return links_of_text(text)
    except IntakeRefused as refused:
        raise forms.ValidationError(str(refused), refused.code) from refused


class FeedForm(forms.Form):
    """The address of a feed, playlist or channel."""

    feed_url = forms.CharField(max_length=2000, label=_("Feed, podcast, playlist or channel"))


@dataclass(frozen=True, slots=True)
class Offer:
    """A feed whose items a page offers, and the address that was read."""

    feed: Feed
    feed_url: str


class ItemsForm(ArrivalForm):
    """The chosen items of a feed; ``signed`` carries the offer they come from."""

    container = container_field()
    chosen = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": _("Choose at least one item.")}, label=_("Chosen")
    )
    signed = forms.CharField(max_length=2_000_000, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, offer: Offer | None = None) -> None:
        """Restore the offer of a form that was sent. Any: Django's own arguments."""
        super().__init__(*arguments)
        self.offer = offer or restored(str(self.data.get("signed", "")))
        items = self.offer.feed.items if self.offer else ()
        chosen = self.fields["chosen"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [(number, number) for number in range(len(items))]
            chosen.initial = [number for number, _item in chosen.choices]

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Refuse an offer that has expired or was altered."""
        if not self.offer:
            raise forms.ValidationError(gettext("This list has expired. Load the feed again."))
        return super().clean()

    def chosen_items(self) -> list[FeedItem]:
        """Return the chosen items of a valid form."""
        items = self.offer.feed.items if self.offer else ()
        return [items[number] for number in self.cleaned_data["chosen"]]

    def rows(self) -> list[tuple[FeedItem, bool]]:
        """Return the items for a page, each with whether it is chosen."""
        ticked = {str(number) for number in self["chosen"].value() or ()}
        items = self.offer.feed.items if self.offer else ()
        return [(item, str(number) in ticked) for number, item in enumerate(items)]


def signed(offer: Offer) -> str:
    """Return an offer as signed text, so that a page cannot alter it."""
    feed = offer.feed
    rows = [
        [
            item.url,
            item.title,
            item.account,
            item.published_at.isoformat() if item.published_at else "",
        ]
        for item in feed.items
    ]
    payload = [offer.feed_url, feed.title, feed.is_cut, rows]
    return signing.dumps(payload, salt=_SALT, compress=True)


def restored(text: str) -> Offer | None:
    """Return a signed offer; None if its signature is invalid or too old."""
    try:
        payload = signing.loads(text, salt=_SALT, max_age=_OFFER_SECONDS)
    except signing.BadSignature:
        return None
    feed_url, title, has_more, rows = payload
    items = tuple(
        FeedItem(url, name, account, read_moment(published))
        for url, name, account, published in rows
    )
    return Offer(Feed(title, items, has_more), feed_url)


class ManyFilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """A field of several files; the service refuses empty or unreadable ones by name."""

    widget = ManyFilesInput

    def clean(
        self, data: Any, initial: Any = None
    ) -> list[UploadedFile[Any]]:  # Any: Django's own signature
        """Return all uploaded files."""
        if not data:
            return []
        return list(data) if isinstance(data, list | tuple) else [data]


class UploadForm(ArrivalForm, FileDetailsForm):
    """Files and links for one container, as the page sends them without JavaScript."""

    container = container_field()
    files = ManyFilesField(required=False, label=_("Files"))  # type: ignore[assignment]  # a field, not the attribute
    links = forms.CharField(required=False, widget=forms.Textarea, label=_("Links"))
    again = forms.CharField(required=False, max_length=2000, label=_("Again"))

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Refuse an address beside several files, which would all get it."""
        values = super().clean()
        if values.get("source_url") and len(values.get("files", ())) != 1:
            self.add_error("source_url", ONE_ADDRESS)
        return values

    def clean_links(self) -> list[str]:
        """Return the links; a line without a link is kept whole, to be refused by name."""
        links = [link.url for link in pasted_links(str(self.cleaned_data["links"]))]
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        if len(links) > limit:
            raise forms.ValidationError(
                gettext("You entered %(n)s links. Submit at most %(limit)s at once.")
                % {"n": len(links), "limit": limit}
            )
        return links
