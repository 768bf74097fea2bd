"""Suggestions tell nothing of recordings that access limits hide."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.reach import working_for
from catalogue.models import Recording
from plugins.filling.choices import FillField, HoldReason, SuggestionState
from plugins.filling.models import Suggestion
from plugins.filling.selectors import open_suggestions
from tests.factories.catalogue import RecordingFactory
from tests.security.hidden import make_world

pytestmark = pytest.mark.django_db

ISRC = "QZAA02600001"


def suggest(recording: Recording, hold: str = "") -> Suggestion:
    return Suggestion.objects.create(
        recording=recording, field=FillField.ISRC, value=ISRC, confidence=1, hold=hold
    )


def test_filling_in_tells_of_no_hidden_isrc() -> None:
    world = make_world()
    own = RecordingFactory.create(bucket=world.own.bucket)
    other_recording = world.other.recording
    taken = suggest(own, HoldReason.TAKEN_HERE)
    client = Client()
    client.force_login(world.own.user)

    def seen() -> list[Suggestion]:
        with working_for(world.own.user):
            return list(open_suggestions())

    Recording.objects.filter(pk=other_recording.pk).update(isrc_normalised=ISRC)
    assert seen() == []
    page = client.get(reverse("portal:suggestion", args=[taken.uid]))
    assert page.status_code == 404
    # Not held yet: nobody searched since the other recording came.
    Suggestion.objects.update(hold="")
    assert seen() == []
    # Suggested for a hidden recording, too.
    Recording.objects.filter(pk=other_recording.pk).update(isrc_normalised="")
    suggested = suggest(other_recording)
    assert seen() == []
    suggested.state = SuggestionState.REPLACED
    suggested.save()
    assert seen() == [taken]
    # A recording in sight is reason enough.
    RecordingFactory.create(bucket=world.own.bucket, isrc_normalised=ISRC)
    Recording.objects.filter(pk=other_recording.pk).update(isrc_normalised=ISRC)
    Suggestion.objects.filter(pk=taken.pk).update(hold=HoldReason.TAKEN_HERE)
    assert seen() == [taken]
    with working_for(world.admin):
        assert list(open_suggestions()) == [taken]
