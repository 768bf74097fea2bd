"""Saved views of the queue: personal and shared with the team."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from review.models import SavedView
from review.services import saved_views
from tests.factories.review import make_match
from tests.fixtures import MakeClient

QUEUE = "/queue/"
SAVE = "/queue/views/"


def test_filters_are_kept_under_a_name_and_lead_back(client: Client) -> None:
    make_match(match={"queue_reason": "short"})

    answer = client.post(f"{SAVE}?reason=short&sort=-found&odd=1", {"name": "Shorts"})

    assert answer["Location"] == f"{QUEUE}?reason=short&sort=-found"
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Shorts", "reason=short&sort=-found")
    page = client.get(f"{QUEUE}?{view.query}").content.decode()
    assert 'href="/queue/?reason=short&amp;sort=-found" aria-current="page"' in page
    # The tab of the view is the only current one.
    assert 'href="/queue/?view=waiting" aria-current="page"' not in page


def test_queue_opens_with_the_only_default_view_and_all_stays_in_reach(
    client: Client, ana: User
) -> None:
    client.post(f"{SAVE}?reason=short", {"name": "Shorts", "is_default": "yes"})

    assert client.get(QUEUE)["Location"] == f"{QUEUE}?reason=short"
    assert client.get(f"{QUEUE}?view=waiting").status_code == 200

    client.post(f"{SAVE}?late=yes", {"name": "Late", "is_default": "yes"})
    late = SavedView.objects.get(name="Late")
    assert saved_views.default_of(ana) == late
    client.post(reverse("portal:view_default", args=[late.uid]))
    assert saved_views.default_of(ana) is None


def test_shared_view_is_seen_by_the_team_and_changed_by_its_owner(
    client: Client, signed_in: MakeClient
) -> None:
    client.post(f"{SAVE}?reason=short", {"name": "Shorts", "is_shared": "yes"})
    client.post(f"{SAVE}?late=yes", {"name": "My own"})
    shared = SavedView.objects.get(name="Shorts")
    other_client = signed_in(Role.VIEWER)

    page = other_client.get(QUEUE).content.decode()
    assert "Shorts" in page
    assert "My own" not in page
    for name in ("view_default", "view_remove"):
        answer = other_client.post(reverse(f"portal:{name}", args=[shared.uid]), follow=True)
        assert "belongs to somebody else" in answer.content.decode()

    client.post(reverse("portal:view_remove", args=[shared.uid]))
    assert not SavedView.objects.filter(name="Shorts").exists()


def test_viewer_keeps_views_and_shares_none(signed_in: MakeClient) -> None:
    viewer = signed_in(Role.VIEWER)

    answer = viewer.post(SAVE, {"name": "Mine", "is_shared": "yes"}, follow=True)

    assert "not share them" in answer.content.decode()
    viewer.post(SAVE, {"name": "Mine"})
    assert SavedView.objects.get().name == "Mine"


def test_view_needs_a_name_and_a_post(client: Client) -> None:
    assert client.get(SAVE).status_code == 405
    for name in ("", "   ", "x" * 81):
        answer = client.post(SAVE, {"name": name}, follow=True)
        assert "Give the view a name" in answer.content.decode()
    assert not SavedView.objects.exists()


def test_same_name_replaces_and_the_count_is_limited(client: Client, ana: User) -> None:
    client.post(f"{SAVE}?reason=short", {"name": "Shorts"})
    client.post(f"{SAVE}?reason=altered", {"name": "Shorts"})
    assert SavedView.objects.get().query == "reason=altered"

    SavedView.objects.bulk_create(
        SavedView(owner=ana, name=f"View {number}") for number in range(saved_views.MAX_VIEWS - 1)
    )
    answer = client.post(SAVE, {"name": "One more"}, follow=True)

    assert "Remove one to save another" in answer.content.decode()
