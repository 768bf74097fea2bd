"""The page of one unknown item: its sound, its places, and the verbs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from audit.models import Event
from catalogue.models import IntakeRule, Recording
from dedup.intake import AlreadyInCatalogue
from monitoring.unknown import actions
from monitoring.unknown.models import ItemState, Occurrence, UnknownItem
from tests.conftest import MakeClient
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ContainerFactory
from tests.portal.queries import queries_of
from tests.portal.unknown.items import make_item

pytestmark = pytest.mark.django_db


def address(item: UnknownItem) -> str:
    return reverse("portal:unknown_item", args=[item.uid])


def text_of(client: Client, item: UnknownItem, query: str = "") -> str:
    answer = client.get(f"{address(item)}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def act(
    client: Client, item: UnknownItem, verb: str, query: str = "", **data: Any
) -> Any:  # Any: fields of a form, and a response of the test client
    """Post a verb as the page does."""
    sent = {"verb": verb, "version": item.version, **data}
    url = reverse("portal:unknown_act", args=[item.uid])
    return client.post(f"{url}{query}", sent)


def test_the_page_shows_figures_places_and_history(signed_in: MakeClient) -> None:
    radio = ContainerFactory.create(name="Harbour FM")
    item = make_item(radio, radio, ContainerFactory.create(name="Pier Talk"))
    client = signed_in(Role.REVIEWER)
    act(client, item, "watch", on="yes")

    page = text_of(client, item)
    file = item.occurrences.earliest("pk").file.scanned_file

    assert f"Unknown {item.pk}" in page
    assert "3 plays" in page
    assert "1:00.0 – 1:30.0" in page
    where = reverse("portal:file_detail", args=[file.uid])
    assert f"{where}?from=55000&amp;to=95000#ribbon" in page
    assert page.index("Harbour FM") < page.index("Pier Talk")
    assert 'id="row-' in page
    assert "watched it" in page


def test_a_deleted_file_is_neither_named_nor_heard(signed_in: MakeClient) -> None:
    item = make_item()
    gone = item.occurrences.earliest("pk").file.scanned_file
    gone.deleted_at = datetime.now(tz=UTC)
    gone.save()

    page = text_of(signed_in(Role.VIEWER), item)

    assert gone.name not in page
    assert "1 play" in page


def test_an_item_without_places_says_so(signed_in: MakeClient) -> None:
    item = UnknownItem.objects.create(length_ms=9_000, state=ItemState.CLOSED)

    page = text_of(signed_in(Role.REVIEWER), item)

    assert "It is no longer in any file." in page
    assert "No file that you may see still has a copy of it." in page


def test_two_places_are_compared_side_by_side(signed_in: MakeClient) -> None:
    item = make_item()
    one, other = item.occurrences.order_by("pk")
    Occurrence.objects.filter(pk=other.pk).update(item_start_ms=10_000, start_ms=70_000)
    client = signed_in(Role.VIEWER)

    pair = client.get(f"{address(item)}?a={one.pk}&b={other.pk}").context["pair"]

    # Both hold the item from its tenth second on.
    assert (pair.source.start_ms, pair.source.end_ms) == (70_000, 90_000)
    assert (pair.reference.start_ms, pair.reference.end_ms) == (70_000, 90_000)
    same = text_of(client, item, f"?a={one.pk}&b={one.pk}")
    assert "A and B are the same place." in same


def test_places_with_different_parts_have_nothing_to_compare(
    signed_in: MakeClient,
) -> None:
    item = make_item()
    one, other = item.occurrences.order_by("pk")
    Occurrence.objects.filter(pk=one.pk).update(item_end_ms=10_000)
    Occurrence.objects.filter(pk=other.pk).update(item_start_ms=10_000)

    page = text_of(signed_in(Role.VIEWER), item, f"?a={one.pk}&b={other.pk}")

    assert "A and B hold different parts of the item" in page


@pytest.mark.parametrize(
    "query", ["?a=x&b=-1", "?a=99999999999999999999&b=1", "?page=x", "?ask=x&after=x"]
)
def test_an_odd_address_shows_the_item(signed_in: MakeClient, query: str) -> None:
    text_of(signed_in(Role.REVIEWER), make_item(), query)


def test_a_place_of_another_item_is_not_compared(signed_in: MakeClient) -> None:
    item, other = make_item(), make_item()
    keys = [each.occurrences.earliest("pk").pk for each in (item, other)]

    answer = signed_in(Role.VIEWER).get(f"{address(item)}?a={keys[0]}&b={keys[1]}")

    assert answer.context["pair"] is None


def test_queries_do_not_grow_with_the_places(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    radio = ContainerFactory.create()
    few, many = make_item(radio, radio), make_item(*(radio,) * 9)

    assert queries_of(client, address(many)) == queries_of(client, address(few))


def test_arrows_follow_the_list(signed_in: MakeClient) -> None:
    radio = ContainerFactory.create()
    items = [make_item(radio, radio, length_ms=ms) for ms in (9_000, 8_000, 7_000)]
    client = signed_in(Role.VIEWER)

    middle = client.get(f"{address(items[1])}?sort=length").context

    assert middle["previous_url"] == f"{address(items[2])}?sort=length"
    assert middle["next_url"] == f"{address(items[0])}?sort=length"
    assert (middle["near"].number, middle["near"].count) == (2, 3)
    last = client.get(address(items[2])).context
    assert (last["next_url"], last["near"].number) == ("", 3)
    # One that is not in the list leads to its beginning.
    away = client.get(f"{address(items[1])}?state=named").context
    assert (away["next_url"], away["near"].number) == ("", 0)


def test_ignoring_leads_to_the_next_item_and_can_be_undone(
    signed_in: MakeClient,
) -> None:
    item, following = make_item(length_ms=40_000), make_item()
    client = signed_in(Role.REVIEWER)

    answer = act(
        client, item, "ignore", "?sort=-weight", reason="jingle", label="News jingle"
    )

    item.refresh_from_db()
    assert (item.state, item.label) == (ItemState.IGNORED, "News jingle")
    assert answer["Location"] == f"{address(following)}?sort=-weight&after={item.uid}"
    page = client.get(answer["Location"]).content.decode()
    assert "News jingle: Jingle" in page
    assert act(client, item, "undo").status_code == 302
    item.refresh_from_db()
    assert item.state == ItemState.UNIDENTIFIED


def test_at_the_end_of_the_list_the_list_offers_to_undo(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.REVIEWER)

    answer = act(client, item, "ignore", reason="bed")

    assert answer["Location"] == f"{reverse('portal:unknown')}?after={item.uid}"
    assert 'value="undo"' in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("verb", "data", "says"),
    [
        ("ignore", {"label": "Kept text"}, "Say what it is."),
        ("ignore", {"reason": "x", "label": "Kept text"}, "Kept text"),
        ("split", {"at": "soon"}, "Enter a time as 1:02.500, or in seconds."),
        ("split", {}, "Enter where to split it."),
        ("split", {"at": "0:00.001"}, "Both parts need"),
        ("merge", {"other": "u_x"}, "This unknown item does not exist."),
        ("merge", {}, "Choose an item."),
        ("name", {"title": "Kept text"}, "Kept text"),
        ("alias", {"recording": "r_x"}, "No recording has this id"),
        ("alias", {}, "Choose a recording."),
        ("nonsense", {}, "Choose what to do."),
        ("", {}, "Choose what to do."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    signed_in: MakeClient, verb: str, data: dict[str, str], says: str
) -> None:
    item = make_item()

    answer = act(signed_in(Role.MANAGER), item, verb, **data)

    assert answer.status_code in {409, 422}
    assert says in answer.content.decode()
    item.refresh_from_db()
    assert item.state == ItemState.UNIDENTIFIED


def test_an_outdated_page_is_refused_with_what_was_typed(signed_in: MakeClient) -> None:
    item = make_item()
    UnknownItem.objects.filter(pk=item.pk).update(version=7)

    answer = act(signed_in(Role.REVIEWER), item, "split", at="12.5")

    assert answer.status_code == 409
    assert "This item has changed since you opened it." in answer.content.decode()
    assert 'value="12.5"' in answer.content.decode()


@pytest.mark.parametrize("version", ["", "x", "9" * 40])
def test_a_version_that_is_no_number_is_outdated(
    signed_in: MakeClient, version: str
) -> None:
    answer = act(
        signed_in(Role.REVIEWER), make_item(), "split", at="12.5", version=version
    )

    assert answer.status_code == 409


def test_splitting_stays_on_the_first_part(signed_in: MakeClient) -> None:
    item = make_item()

    answer = act(signed_in(Role.REVIEWER), item, "split", at="0:12.5")

    assert answer["Location"] == address(item)
    assert UnknownItem.objects.count() == 2


def test_merging_leads_to_the_other_item_and_offers_to_undo(
    signed_in: MakeClient,
) -> None:
    item, other = make_item(), make_item()
    client = signed_in(Role.REVIEWER)

    answer = act(client, item, "merge", other=other.uid)

    assert answer["Location"] == f"{address(other)}?after={item.uid}"
    assert 'value="undo"' in client.get(answer["Location"]).content.decode()
    assert "Part of" in text_of(client, item)


def test_an_item_does_not_become_part_of_itself(signed_in: MakeClient) -> None:
    item = make_item()

    answer = act(signed_in(Role.REVIEWER), item, "merge", other=item.uid)

    assert answer.status_code == 409
    assert "An item cannot become part of itself." in answer.content.decode()


def test_watching_is_turned_on_and_off(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.REVIEWER)

    act(client, item, "watch", on="yes")
    item.refresh_from_db()
    assert item.is_watched
    assert "Stop watching" in text_of(client, item)
    act(client, item, "watch")
    item.refresh_from_db()
    assert not item.is_watched


def test_a_manager_names_an_item(signed_in: MakeClient) -> None:
    item = make_item()
    bucket = BucketFactory.create()
    client = signed_in(Role.MANAGER)

    answer = act(
        client,
        item,
        "name",
        title="Halflight",
        artists="Nova Reyes | Ina Solberg",
        bucket=bucket.pk,
    )

    recording = Recording.objects.get()
    assert answer.status_code == 302
    assert (recording.title, recording.bucket) == ("Halflight", bucket)
    assert recording.artists == ["Nova Reyes", "Ina Solberg"]
    page = text_of(client, item)
    assert reverse("portal:recording_detail", args=[recording.uid]) in page


def test_a_recording_that_is_there_is_offered_and_can_be_added_anyway(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, item = RecordingFactory.create(title="Halflight"), make_item()
    answers = []

    def refuse(**given: object) -> Recording:
        answers.append(given["answer"])
        raise AlreadyInCatalogue(
            "It is there.", existing=there, field="audio", may_add=True
        )

    monkeypatch.setattr(actions, "name_item", refuse)
    sent: dict[str, Any] = {"title": "Half Light", "bucket": there.bucket_id}

    asked = act(signed_in(Role.MANAGER), item, "name", **sent)
    act(signed_in(Role.MANAGER), item, "name", **sent, if_there="ignore")

    page = asked.content.decode()
    assert asked.status_code == 422
    assert "It is there." in page
    assert 'value="Half Light"' in page
    assert f'value="{there.uid}"' in page
    assert "Add it anyway" in page
    assert answers == [None, IntakeRule.IGNORE]


def test_an_item_is_known_as_a_recording(signed_in: MakeClient) -> None:
    recording = RecordingFactory.create(title="Halflight")
    item = make_item()

    answer = act(signed_in(Role.MANAGER), item, "alias", recording=recording.uid)

    assert answer.status_code == 302
    item.refresh_from_db()
    assert item.state == ItemState.NAMED


@pytest.mark.parametrize("verb", ["name", "alias"])
def test_reviewers_do_not_name(signed_in: MakeClient, verb: str) -> None:
    item = make_item()
    client = signed_in(Role.REVIEWER)

    assert act(client, item, verb).status_code == 403
    assert 'data-ask="n"' not in text_of(client, item)
    assert 'data-ask="i"' in text_of(client, item)


def test_viewers_only_look(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.VIEWER)

    assert act(client, item, "ignore", reason="bed").status_code == 403
    assert "Your role can view unknown sound but not change it." in text_of(
        client, item
    )


def test_the_search_box_offers_unknown_items(signed_in: MakeClient) -> None:
    item = make_item(label="Pier jingle")
    make_item(state=ItemState.IGNORED, label="Pier bed")

    answer = signed_in(Role.VIEWER).get(
        reverse("portal:choices"), {"kind": "unknown_items", "q": "pier"}
    )

    assert answer.json()["choices"] == [
        {"value": item.uid, "label": "Pier jingle", "hint": "0:30.0"}
    ]


@pytest.mark.parametrize("typed", ["Unknown {}", "unknown {}", "#{}", "{}", "unk"])
def test_the_search_box_knows_an_item_by_what_pages_call_it(
    typed: str, signed_in: MakeClient
) -> None:
    item = make_item()
    make_item(label="Pier jingle")

    answer = signed_in(Role.VIEWER).get(
        reverse("portal:choices"),
        {"kind": "unknown_items", "q": typed.format(item.pk)},
    )

    assert [each["value"] for each in answer.json()["choices"]] == [item.uid]


def test_a_container_says_how_unknown_sound_is_found(signed_in: MakeClient) -> None:
    container = ContainerFactory.create()
    client = signed_in(Role.ADMIN)
    url = reverse("portal:container_unknown", args=[container.pk])
    sent = {"least_seconds": "12", "least_count": "3", "days_kept": ""}

    wrong = client.post(url, sent | {"least_count": "1"})
    saved = client.post(url, sent)

    assert wrong.status_code == 422
    assert 'value="12"' in wrong.content.decode()
    assert saved["Location"] == reverse("portal:container_edit", args=[container.pk])
    policy = container.unknown_policy
    assert (policy.is_on, policy.least_seconds, policy.least_count) == (False, 12, 3)
    event = Event.objects.get(case=f"container:{container.pk}")
    assert event.action == "container.unknown_policy_changed"
    assert (event.before["is_on"], event.after["is_on"]) == (True, False)
    assert signed_in(Role.MANAGER).post(url, sent).status_code == 403
