"""What suggestions show on pages of others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from base.accounts.roles import Role
from catalogue.models import Recording
from plugins.filling import deciding, on_pages
from plugins.filling.models import SafeMark, Suggestion
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from web.portal.shared.cards import Card

pytestmark = pytest.mark.django_db


def suggest(recording: Recording, field: str, value: str, source: str) -> Suggestion:
    fields = {"source": "es_1", "name": source, "kind": "musicbrainz"}
    return Suggestion.objects.create(
        recording=recording,
        field=field,
        value=value,
        ground="g",
        confidence=1,
        evidence=[fields | {"date": "2026-09-02"}],
    )


def card_of(page: str) -> Card:
    (card,) = (card for card in on_pages.CARDS if card.page == page)
    return card


def test_a_declaration_names_the_sources_of_its_values() -> None:
    recording, user = RecordingFactory.create(), make_user(Role.MANAGER)
    isrc = suggest(recording, "isrc", "QZXX10000007", "Sample dump")
    deciding.accept(suggestion=isrc, user=user)
    declared = timezone.now()
    later = suggest(recording, "upc", "710000000077", "Later list")
    deciding.accept(suggestion=later, user=user)
    Suggestion.objects.filter(pk=later.pk).update(decided_at=declared + timedelta(hours=1))
    card = card_of("declaration.values")

    origins = card.values((Recording.objects.all(), declared), user)
    page = render_to_string(card.template, {"card": origins})

    assert "<bdi>Sample dump</bdi>, 2026-09-02" in page
    assert "Later list" not in page


def test_a_cell_that_a_declaration_lacks_counts_its_suggestions() -> None:
    recordings = RecordingFactory.create_batch(3)
    user = make_user(Role.MANAGER)
    now = timezone.now()
    SafeMark.objects.create(field="upc", mark="0.9900", measured_at=now)
    for recording, confidence in zip(recordings, ("0.9950", "0.5"), strict=False):
        row = suggest(recording, "upc", "710000000077", "Sample dump")
        Suggestion.objects.filter(pk=row.pk).update(confidence=confidence)
    uids = [recording.uid for recording in recordings]
    card = card_of("declaration.gap")

    assert card.values(("ICPN", uids), user) == {"suggested": 2, "safe": 1}
    assert card.values(("UPC", uids[2:]), user) is None
    assert card.values(("Composer", uids), user) is None
