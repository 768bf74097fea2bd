"""The lists of buckets, and of the recordings that scans cannot find."""

from __future__ import annotations

from typing import Final

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.stored import read_stored
from catalogue import selectors
from catalogue.models import Bucket, Recording
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty, Link

_CREATE: Final = Link(_("Create a bucket"), "portal:bucket_create", Action.EDIT_CATALOGUE, "bucket")


BUCKETS: Final = DeclaredList(
    model=Bucket,
    title=_("Catalogue"),
    lead=_("Buckets of recordings that are searched together."),
    links=[
        _CREATE,
        Link(_("Add a recording"), "portal:recording_add", Action.EDIT_CATALOGUE),
    ],
    head="portal/catalogue/_unfindable_button.html",
    context=lambda _request: {
        "unfindable_count": Recording.objects.filter(selectors.cannot_be_found()).count()
    },
    rows=lambda _values: selectors.buckets_with_counts(),
    columns=[
        Column(_("Bucket"), "name", "title"),
        Column(_("Kind"), "get_bucket_type_display"),
        Column(_("Recordings"), "recording_count", "num"),
        Column(_("Searchable"), "ready_count", "num"),
        Column(
            _("Cannot be found"),
            lambda bucket: declared.counted_link(
                bucket.unfindable_count,
                f"{reverse('portal:bucket_detail', args=[bucket.pk])}?state=cannot_be_found",
                bucket.name,
            ),
            "num",
        ),
    ],
    link=declared.page_of_row("portal:bucket_detail", "pk"),
    empty=Empty(
        _("There is no bucket yet"),
        _(
            "A bucket holds the recordings that are searched together. Create one, then add "
            "recordings."
        ),
        "bucket",
        _CREATE,
    ),
)


UNFINDABLE: Final = DeclaredList(
    model=Recording,
    title=_("Cannot be found"),
    crumbs=[(_("Catalogue"), "portal:catalogue")],
    lead=_(
        "Recordings that no scan can find, because they hold too little sound or have no "
        "fingerprint."
    ),
    rows=lambda _values: selectors.search_recordings().filter(selectors.cannot_be_found()),
    default="title",
    columns=[
        Column(_("State"), look="badge", template="portal/catalogue/_row_badge.html"),
        Column(_("Recording"), "full_title", "title", sort="title", below="artist_names"),
        Column(
            _("Bucket"),
            lambda recording: declared.linked(
                recording.bucket.name,
                reverse("portal:bucket_detail", args=[recording.bucket_id]),
            ),
            "words",
            sort="bucket",
            order="bucket__name",
        ),
        Column(
            _("Why"),
            lambda recording: (
                gettext("It is silent, or has too few sounds to be told apart.")
                if recording.lacks_sound
                else read_stored(recording.status_message)
            ),
            "words",
        ),
    ],
    link=declared.page_of_row("portal:recording_detail"),
    empty=Empty(
        _("Every recording can be found"),
        _(
            "Recordings that hold too little sound, or whose fingerprint could not be made, are "
            "listed here."
        ),
    ),
)
