"""The list of unknown items: what counts, what it says, and bulk actions."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from plugins.monitoring.tests.pages.unknown.items import kept_file, make_item
from plugins.monitoring.unknown.models import (
    IgnoreReason,
    ItemState,
    KeptFile,
    KeptState,
    Occurrence,
    UnknownItem,
    UnknownPolicy,
)
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of

pytestmark = pytest.mark.django_db

LIST = reverse("portal:unknown")
MANY = reverse("portal:unknown_many")
CHANGES = reverse("portal:unknown_changes")


def items_of(client: Client, query: str = "") -> list[UnknownItem]:
    """Return the items of the first page in order."""
    answer = client.get(f"{LIST}{query}")
    assert answer.status_code == 200
    return [row.item for row in answer.context["rows"]]


def text_of(client: Client, query: str = "") -> str:
    return client.get(f"{LIST}{query}").content.decode()


def counts(client: Client, query: str = "") -> dict[str, int]:
    tabs = client.get(f"{LIST}{query}").context["tabs"]
    return {str(tab): count for tab, _, count in tabs}


def test_list_and_dashboard_say_where_items_sound_and_how_much_is_unknown(
    signed_in: MakeClient,
) -> None:
    item = make_item(*ContainerFactory.create_batch(2))
    client = signed_in(Role.VIEWER)

    dashboard = client.get(reverse("portal:dashboard")).content.decode()
    make_item(state=ItemState.IGNORED)
    page = text_of(client)

    unknown = "4.0 min of unknown sound; 1.0 min of it was heard more than once"
    assert unknown in dashboard
    assert f"Unknown {item.pk}" in page
    assert "2 containers" in page
    assert "0:30.0" in page
    assert 'datetime="2026-05-02T10:00:00+00:00"' in page
    assert 'datetime="2026-05-03T10:00:00+00:00"' in page
    # Four files of two unknown minutes; one minute was ignored, one was heard again.
    assert (
        "7.0 min are unknown, speech not counted; 1.0 min of them were heard more than once."
    ) in page


def test_every_item_is_in_one_tab_and_the_tabs_count_them(signed_in: MakeClient) -> None:
    make_item()
    make_item(is_watched=True)
    for state in (ItemState.NAMED, ItemState.IGNORED, ItemState.MERGED):
        make_item(state=state)
    make_item(state=ItemState.CLOSED)

    assert counts(signed_in(Role.VIEWER)) == {
        "unknown": 1,
        "watched": 1,
        "named": 1,
        "ignored": 1,
        "closed": 2,
    }


def test_policies_hide_what_nobody_decided(signed_in: MakeClient) -> None:
    strict, free, radio = ContainerFactory.create_batch(3)
    here = make_item(strict, strict)
    elsewhere = make_item(strict, free)
    ignored = make_item(strict, strict, state=ItemState.IGNORED)
    # Too short and too rare by default.
    make_item(radio, radio, length_ms=4_999)
    make_item(radio)
    client = signed_in(Role.VIEWER)
    assert items_of(client) == [elsewhere, here]

    policies: tuple[dict[str, int], ...] = (
        {"least_seconds": 31},
        {"least_count": 3},
        {"is_on": False},
    )
    for policy in policies:
        UnknownPolicy.objects.all().delete()
        UnknownPolicy.objects.create(container=strict, **policy)
        assert items_of(client) == [elsewhere], policy
    assert items_of(client, "?state=ignored") == [ignored]


def test_filters_by_container_and_text(signed_in: MakeClient) -> None:
    pier = ContainerFactory.create()
    here = make_item(pier, pier, label="Pier jingle")
    there = make_item()
    client = signed_in(Role.VIEWER)

    assert items_of(client, f"?container={pier.pk}") == [here]
    assert items_of(client, "?q=pier") == [here]
    assert items_of(client, f"?q={there.pk}") == [there]
    assert items_of(client, f"?q=%23{there.pk}") == [there]
    assert items_of(client, f"?q={there.uid}") == [there]
    assert counts(client, "?q=pier")["unknown"] == 1
    assert "No item fits these filters" in text_of(client, "?q=nothing")
    for odd in (
        "?state=x&container=x&sort=x&page=x&after=x",
        f"?container=99999999999999999999&q={'9' * 300}&page=-5",
    ):
        items_of(client, odd)


def test_an_empty_list_says_what_is_still_compared_and_learns_of_its_first_item(
    signed_in: MakeClient,
) -> None:
    client = signed_in(Role.VIEWER)
    radio = ContainerFactory.create()
    empty = text_of(client)
    assert "Each scanned file is compared with the others." in empty
    assert CHANGES in empty

    waiting = kept_file(radio)
    KeptFile.objects.filter(pk=waiting.pk).update(state=KeptState.WAITING)
    assert "1 file is still to be compared." in text_of(client)

    UnknownPolicy.objects.create(container=radio, is_on=False)
    assert "turned off in the settings of every container" in text_of(client)
    assert "Nothing here" in text_of(client, "?state=named")

    make_item()
    assert client.get(CHANGES).json()["counts"]["total"] == "1"


def test_queries_do_not_grow_with_the_list(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    make_item()
    few = queries_of(client, LIST)
    for _ in range(4):
        make_item()

    assert queries_of(client, LIST) == few


def ticked(item: UnknownItem) -> str:
    """Return what a form sends of an item that was ticked as it is known here."""
    return f"{item.uid}:{item.version}"


def test_only_those_who_decide_tick_at_least_one_item(signed_in: MakeClient) -> None:
    item = make_item()
    viewer, reviewer = signed_in(Role.VIEWER), signed_in(Role.REVIEWER)

    assert 'name="item"' not in text_of(viewer)
    answer = viewer.post(MANY, {"verb": "watch", "item": ticked(item)})
    assert answer.status_code == 403
    assert 'name="item"' in text_of(reviewer)
    nothing: list[dict[str, str]] = [{}, {"verb": "x"}, {"verb": "ignore", "item": "x"}]
    for data in nothing:
        page = reviewer.post(MANY, data, follow=True).content.decode()
        assert "Tick at least one item first." in page, data


def test_ticked_items_are_ignored_after_a_question(signed_in: MakeClient) -> None:
    items = [make_item(), make_item()]
    free, settled = make_item(), make_item(state=ItemState.NAMED)
    client = signed_in(Role.REVIEWER)
    data: dict[str, object] = {"verb": "ignore", "item": [ticked(item) for item in items]}

    answer = client.post(MANY, data)
    refused = client.post(MANY, data | {"apply": "yes", "label": "Kept"})
    client.post(MANY, data | {"apply": "yes", "reason": "ad", "label": "Spot"})

    assert "Ignore 2 items forever" in answer.content.decode()
    assert (refused.status_code, "Kept" in refused.content.decode()) == (422, True)
    for item in items:
        item.refresh_from_db()
        assert (item.state, item.ignored_as) == (ItemState.IGNORED, IgnoreReason.AD)
        assert item.label == "Spot"

    # What refuses is named and does not stop the others.
    sent = data | {"item": [ticked(settled), ticked(free)], "apply": "yes", "reason": "bed"}
    page = client.post(MANY, sent, follow=True).content.decode()
    assert f"Unknown {settled.pk}: " in page
    assert "1 item is ignored." in page


def test_ticked_items_are_merged_into_a_ticked_one(signed_in: MakeClient) -> None:
    big, small, stranger = make_item(length_ms=40_000), make_item(), make_item()
    client = signed_in(Role.REVIEWER)
    data: dict[str, object] = {"verb": "merge", "item": [ticked(big), ticked(small)]}

    question = client.post(MANY, data)
    refused = client.post(MANY, data | {"apply": "yes", "into": stranger.uid})
    small.refresh_from_db()
    assert (refused.status_code, small.state) == (422, ItemState.UNIDENTIFIED)
    answer = client.post(MANY, data | {"apply": "yes", "into": big.uid})

    assert question.context["form"].initial == {"into": big.uid}
    assert answer["Location"] == reverse("portal:unknown_item", args=[big.uid])
    small.refresh_from_db()
    assert (small.state, small.merged_into) == (ItemState.MERGED, big)
    assert Occurrence.objects.filter(item=big).count() == 4


def test_ticked_items_are_watched_no_longer_watched_and_taken_back(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.REVIEWER)

    client.post(f"{MANY}?sort=plays", {"verb": "watch", "item": ticked(item)})
    assert counts(client)["watched"] == 1
    client.post(MANY, {"verb": "unwatch", "item": ticked(item)})
    assert counts(client)["watched"] == 0
    client.post(MANY, {"verb": "ignore", "item": ticked(item), "apply": "yes", "reason": "bed"})
    # A list that was opened earlier would take back a change that it does not show.
    outdated = client.post(MANY, {"verb": "undo", "item": ticked(item)}, follow=True)
    assert "has changed since you opened it" in outdated.content.decode()
    item.refresh_from_db()
    assert item.state == ItemState.IGNORED
    client.post(MANY, {"verb": "undo", "item": ticked(item)})
    item.refresh_from_db()
    assert item.state == ItemState.UNIDENTIFIED


def test_the_report_has_what_the_list_shows(signed_in: MakeClient) -> None:
    container, other_container = ContainerFactory.create_batch(2)
    item = make_item(container, container)
    make_item(other_container, other_container)
    client, viewer = signed_in(Role.REVIEWER), signed_in(Role.VIEWER)

    for form in ("csv", "xlsx", "jsonl", "parquet"):
        answer = client.get(f"/unknown/report.{form}?container={container.pk}")
        assert answer.status_code == 200
        assert f"unknown-items.{form}" in answer["Content-Disposition"]
        content = answer.getvalue()
        if form in ("csv", "jsonl"):
            assert content.count(item.uid.encode()) == 2
            assert content.count(b"unknown_items/1") == 2
        assert viewer.get(f"/unknown/report.{form}").status_code == 403
    assert client.get("/unknown/report.doc").status_code == 404


def test_a_named_item_leads_to_the_matches_of_its_recording(signed_in: MakeClient) -> None:
    match = make_match()
    item = make_item(state=ItemState.NAMED, recording=match.recording)

    page = signed_in(Role.VIEWER).get(f"{LIST}?state=named")

    [row] = page.context["rows"]
    assert row.item == item
    assert row.matches.count == 1
    answer = page.client.get(row.matches.url)
    assert match.scanned_file.name in answer.content.decode()


def test_an_open_list_learns_what_is_heard_again_and_what_left_it(signed_in: MakeClient) -> None:
    radio = ContainerFactory.create()
    first, second = make_item(radio, radio), make_item(radio, radio)
    client = signed_in(Role.REVIEWER)
    rows = client.get(LIST).context["rows"]
    fields = {"rows": " ".join(f"{row.item.uid}:{row.token}" for row in rows)}
    before = client.get(CHANGES, fields)
    mark = {"If-None-Match": before["ETag"]}

    assert before.json()["rows"] == {}
    assert before.json()["counts"] == {
        "unknown": "2",
        "watched": "0",
        "named": "0",
        "ignored": "0",
        "closed": "0",
        "total": "2",
        "menu-queue": "",
        "menu-statement_list": "",
    }
    assert client.get(CHANGES, fields, headers=mark).status_code == 304

    UnknownItem.objects.filter(pk=first.pk).update(version=5, label="Heard again")
    client.post(MANY, {"verb": "watch", "item": ticked(second)})

    changed = client.get(CHANGES, fields | {"sort": "plays"}, headers=mark).json()
    assert list(changed["rows"]) == [first.uid]
    assert "Heard again" in changed["rows"][first.uid]
    assert f'/unknown/{first.uid}/?sort=plays"' in changed["rows"][first.uid]
    assert changed["gone"] == [second.uid]
    assert changed["counts"]["unknown"] == "1"


def test_an_open_list_learns_of_a_comparison_that_no_event_tells_of(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.VIEWER)
    token = client.get(LIST).context["rows"][0].token
    fields = {"rows": f"{item.uid}:{token}"}
    mark = {"If-None-Match": client.get(CHANGES, fields)["ETag"]}

    make_item()
    stored = kept_file(ContainerFactory.create())
    KeptFile.objects.filter(pk=stored.pk).update(revision=7)

    answer = client.get(CHANGES, fields, headers=mark)
    assert answer.json()["counts"]["total"] == "2"
