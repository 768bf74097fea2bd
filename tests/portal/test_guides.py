"""The guides as pages: what they show, where their links lead, and how they are found."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from tests.fixtures import MakeClient
from web.portal.shared import guides

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return the client of the weakest role."""
    return signed_in(Role.VIEWER)


def test_every_guide_is_drawn_without_what_the_policy_forbids(client: Client) -> None:
    assert len(guides.names()) > 30

    for name in guides.names():
        answer = client.get(reverse("portal:guide", args=[name]))
        assert answer.status_code == 200, name
        page = answer.content.decode()
        article = page.partition("<article")[2].partition("</article>")[0]
        assert page.count("<h1") == 1
        assert "<h1" not in article
        assert " style=" not in article
        assert "&lt;table" not in article


def test_links_lead_to_guides_headings_and_pictures(client: Client) -> None:
    contents = {name: guides.read(name).content for name in guides.names()}
    links = {
        (name, link)
        for name, content in contents.items()
        for link in re.findall(r'(?:href|src)="([^"]+)"', content)
        if "://" not in link
    }

    assert len(links) > 100
    # Documents beside the guides are named, and lead nowhere.
    assert "<span>Contributing</span>" in contents["index"]
    assert not [link for link in links if link[1] in ("", "/guides/")]
    anchors = {
        name: set(re.findall(r' id="([^"]+)"', content)) for name, content in contents.items()
    }
    pages = set()
    for name, link in links:
        path, _hash, anchor = link.partition("#")
        pages |= {path} - {""}
        target = path.strip("/").rpartition("/")[2] if path else name
        if anchor:
            assert anchor in anchors[target], (name, link)
    # The test above opens every guide.
    pages -= {reverse("portal:guide", args=[name]) for name in guides.names()}
    assert pages
    for page in pages:
        assert client.get(page).status_code == 200, page


def test_what_is_no_guide_is_not_found(client: Client) -> None:
    assert client.get("/guides/unheard-of/").status_code == 404
    assert client.get("/guides/images/settings.py").status_code == 404
    assert client.get("/guides/images/..%2Findex.md").status_code == 404


def test_guides_and_their_parts_are_found_by_their_headings(client: Client) -> None:
    whole = client.get("/search/", {"q": "review guide", "part": "palette"})
    part = client.get("/search/", {"q": "drops metadata", "part": "palette"})

    assert 'href="/guides/review-guide/"' in whole.content.decode()
    assert 'href="/guides/drops/#metadata"' in part.content.decode()
    assert "Drops" in part.content.decode()
