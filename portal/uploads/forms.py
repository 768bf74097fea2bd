"""Forms of the pages for uploads and for many links."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from broadcasts.arrivals import BROADCAST_FIELDS, EPISODE_FIELDS, Arrival, read_arrival
from broadcasts.choices import Showing
from broadcasts.errors import BroadcastRefused
from common.words import format_html_lazy
from portal.shared.fields import FileDetailsForm, SearchSelect
from scanning.models import Container
from scanning.services.link_batches import links_of_text
from scanning.sources.feeds import Feed, FeedItem
from scanning.sources.platform_page import read_moment
from streams.models import Station

_SALT = "portal.links.feed"
_MAX_CSV_BYTES = 2 * 1024**2
_OFFER_SECONDS = 24 * 3600


class ManyLinksForm(forms.Form):
    """Links pasted or in a CSV file."""

    container = forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Container"),
    )
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
            _("With a column <code>{}</code>; {} are read too."),
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

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Require links or a CSV file."""
        values = super().clean() or {}
        if not values.get("links", "").strip() and not values.get("csv_file"):
            raise forms.ValidationError(gettext("Paste links, or choose a CSV file."))
        return values

    def clean_csv_file(self) -> Any:  # Any: an uploaded file
        """Refuse a file over ``_MAX_CSV_BYTES``."""
        given = self.cleaned_data["csv_file"]
        if given and given.size > _MAX_CSV_BYTES:
            raise forms.ValidationError(
                gettext("A CSV file of links has at most 2 MiB.")
            )
        return given


class FeedForm(forms.Form):
    """The address of a feed, playlist or channel."""

    feed_url = forms.CharField(
        max_length=2000, label=_("Feed, podcast, playlist or channel")
    )


class ItemsForm(forms.Form):
    """The chosen items of a feed; ``offer`` carries the signed list they come from."""

    container = forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Container"),
    )
    chosen = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={"required": _("Choose at least one item.")},
        label=_("Chosen"),
    )
    offer = forms.CharField(max_length=2_000_000, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any) -> None:
        """Restore the offered items from the form. Any: Django's own arguments."""
        super().__init__(*arguments)
        self.items = items_of(str(self.data.get("offer", "")))
        chosen = self.fields["chosen"]
        if isinstance(chosen, forms.ChoiceField):
            chosen.choices = [(number, number) for number in range(len(self.items))]

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Refuse an offer that has expired or was altered."""
        if not self.items:
            raise forms.ValidationError(
                gettext("This list has expired. Load the feed again.")
            )
        return super().clean() or {}


def offer_of(feed: Feed) -> str:
    """Return the items of a feed as signed text, so that a page cannot alter them."""
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
    """Return the items of an offer; none if its signature is invalid or too old."""
    try:
        rows = signing.loads(offer, salt=_SALT, max_age=_OFFER_SECONDS)
    except signing.BadSignature:
        return []
    return [
        FeedItem(url, title, account, read_moment(published))
        for url, title, account, published in rows
    ]


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


class ArrivalForm(forms.Form):
    """The episode of submitted files, and one broadcast of them; all of it optional."""

    series = forms.CharField(required=False, max_length=300, label=_("Series or film"))
    season = forms.CharField(required=False, max_length=40, label=_("Season"))
    episode = forms.CharField(required=False, max_length=40, label=_("Episode number"))
    episode_title = forms.CharField(
        required=False, max_length=300, label=_("Episode title")
    )
    production_company = forms.CharField(
        required=False, max_length=300, label=_("Production company")
    )
    station = forms.ModelChoiceField(
        Station.objects.all(),
        required=False,
        to_field_name="uid",
        label=_("Station"),
        empty_label=_("No broadcast"),
        widget=SearchSelect,
    )
    starts_at = forms.CharField(
        required=False,
        max_length=40,
        label=_("Begins at"),
        help_text=_("Local time of the station, as 2026-11-03 07:00."),
    )
    showing = forms.ChoiceField(
        required=False,
        choices=[("", _("Not known")), *Showing.choices],
        label=_("First broadcast or repeat"),
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Read the time of the broadcast in the zone of its station."""
        values = super().clean() or {}
        try:
            values["arrival"] = read_arrival(values)
        except BroadcastRefused as refused:
            self.add_error(refused.field, str(refused))
        return values

    @property
    def arrival(self) -> Arrival:
        """Return what a valid form says."""
        arrival: Arrival = self.cleaned_data["arrival"]
        return arrival

    def arrival_fields(self) -> list[forms.BoundField]:
        """Return the fields for a page."""
        return [self[name] for name in (*EPISODE_FIELDS, *BROADCAST_FIELDS)]

    @property
    def says_arrival(self) -> bool:
        """Tell whether any of these fields has a value."""
        return any(field.value() for field in self.arrival_fields())


class UploadForm(ArrivalForm, FileDetailsForm):
    """Files and links for one container, as the page sends them without JavaScript."""

    container = forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Container"),
    )
    files = ManyFilesField(required=False, label=_("Files"))  # type: ignore[assignment]  # a field, not the attribute
    links = forms.CharField(required=False, widget=forms.Textarea, label=_("Links"))
    again = forms.CharField(required=False, max_length=2000, label=_("Again"))

    def clean_links(self) -> list[str]:
        """Return the links; a line without a link is kept whole, to be refused by name."""
        links = [link.url for link in links_of_text(str(self.cleaned_data["links"]))]
        limit = settings.DATA_UPLOAD_MAX_NUMBER_FILES
        if len(links) > limit:
            raise forms.ValidationError(
                gettext("You entered %(n)s links. Submit at most %(limit)s at once.")
                % {"n": len(links), "limit": limit}
            )
        return links
