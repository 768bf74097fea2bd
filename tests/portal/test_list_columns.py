"""People choose the columns of lists, each for themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from lxml import html

from base.accounts.models import User
from base.accounts.roles import Role
from review.models import Match
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from web.portal.shared.columns import LISTS

pytestmark = pytest.mark.django_db

_PAGES: dict[str, Callable[[Match], str]] = {
    "queue": lambda _: reverse("portal:queue") + "?view=waiting",
    "matches": lambda _: reverse("portal:match_list"),
    "files": lambda _: reverse("portal:file_list"),
    "recordings": lambda match: reverse("portal:bucket_detail", args=[match.recording.bucket_id]),
}


def test_a_person_hides_and_adds_columns_and_goes_back(signed_in: MakeClient) -> None:
    client, other_client = signed_in(Role.ADMIN), signed_in(Role.ADMIN)
    match = make_match()
    pages = {name: _PAGES[name](match) for name in LISTS}
    usually = {page: _headings(client, page) for page in pages.values()}

    for name, columns in LISTS.items():
        page, usual = pages[name], usually[pages[name]]
        labels = {column.name: str(column.label) for column in columns}
        added = next(column.name for column in columns if not column.usual)

        _choose(client, name, page, [added])

        chosen = _headings(client, page)
        assert labels[added] in chosen
        assert labels[columns[0].name] not in chosen
        assert set(usual) - set(chosen) == {
            label for name, label in labels.items() if name != added and label in usual
        }
    # Another person's lists stay as they are.
    assert {page: _headings(other_client, page) for page in usually} == usually

    for name, page in pages.items():
        client.post(_address(name), {"usual": "yes", "next": page})
    assert {page: _headings(client, page) for page in usually} == usually

    # A row that is drawn again has the same columns.
    _choose(client, "queue", reverse("portal:queue"), ["isrc"])
    answer = client.get(reverse("portal:queue_changes"), {"rows": f"{match.uid}:0"})
    row = answer.json()["rows"][match.uid]
    assert "cell-isrc" in row
    assert "cell-score" not in row


def test_only_columns_of_a_list_are_kept(signed_in: MakeClient) -> None:
    client, files = signed_in(Role.VIEWER), reverse("portal:file_list")

    _choose(client, "files", files, ["length", "<script>", "isrc"])

    assert User.objects.get().list_columns == {"files": ["length"]}
    assert client.post(_address("people"), {"next": files}).status_code == 404
    elsewhere = {"next": "https://elsewhere.example/files/"}
    assert client.post(_address("files"), elsewhere)["Location"] == "/"


def _headings(client: Client, page: str) -> list[str]:
    tree = html.fromstring(client.get(page).content)
    return [cell.text_content().strip() for cell in tree.iterfind(".//thead//th")]


def _choose(client: Client, name: str, page: str, columns: list[str]) -> None:
    answer = client.post(_address(name), {"column": columns, "next": page})
    assert answer["Location"] == page


def _address(name: str) -> str:
    return reverse("portal:list_columns", args=[name])
