"""The page of one unknown item: its sound, its places, and the verbs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import IntakeRule, Recording
from dedup.intake import AlreadyInCatalogue
from plugins.monitoring.pages.unknown.forms import IgnoreForm, ItemSplitForm, MergeForm
from plugins.monitoring.tests.pages.unknown.items import make_item
from plugins.monitoring.unknown import actions
from plugins.monitoring.unknown.models import ItemState, Occurrence, UnknownItem
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.portal.queries import queries_of
from web.portal.shared.fields import OneRecordingForm

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
    sent = {"verb": verb, "version": item.version, **data}
    url = reverse("portal:unknown_act", args=[item.uid])
    return client.post(f"{url}{query}", sent)


def test_the_page_shows_figures_places_history_and_watching(signed_in: MakeClient) -> None:
    radio = ContainerFactory.create(name="Harbour FM")
    item = make_item(radio, radio, ContainerFactory.create(name="Pier Talk"))
    client = signed_in(Role.REVIEWER)
    act(client, item, "watch", on="yes")
    item.refresh_from_db()
    assert item.is_watched

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
    assert "Stop watching" in page
    act(client, item, "watch")
    item.refresh_from_db()
    assert not item.is_watched


def test_deleted_files_are_neither_named_nor_heard(signed_in: MakeClient) -> None:
    item = make_item()
    gone = item.occurrences.earliest("pk").file.scanned_file
    gone.deleted_at = datetime.now(tz=UTC)
    gone.save()
    nowhere = UnknownItem.objects.create(length_ms=9_000, state=ItemState.CLOSED)
    client = signed_in(Role.REVIEWER)

    page, empty = text_of(client, item), text_of(client, nowhere)

    assert gone.name not in page
    assert "1 play" in page
    assert "It is no longer in any file." in empty
    assert "No file that you may see still has a copy of it." in empty


def test_two_places_are_compared_side_by_side(signed_in: MakeClient) -> None:
    item, other_item = make_item(), make_item()
    occurrence, other_occurrence = item.occurrences.order_by("pk")
    Occurrence.objects.filter(pk=other_occurrence.pk).update(item_start_ms=10_000, start_ms=70_000)
    client = signed_in(Role.REVIEWER)

    pair = client.get(f"{address(item)}?a={occurrence.pk}&b={other_occurrence.pk}").context["pair"]

    # Both hold the item from its tenth second on.
    assert (pair.source.start_ms, pair.source.end_ms) == (70_000, 90_000)
    assert (pair.reference.start_ms, pair.reference.end_ms) == (70_000, 90_000)
    same = text_of(client, item, f"?a={occurrence.pk}&b={occurrence.pk}")
    assert "A and B are the same place." in same

    Occurrence.objects.filter(pk=occurrence.pk).update(item_end_ms=10_000)
    apart = text_of(client, item, f"?a={occurrence.pk}&b={other_occurrence.pk}")
    assert "A and B hold different parts of the item" in apart

    foreign = other_item.occurrences.earliest("pk")
    for query in (
        f"?a={occurrence.pk}&b={foreign.pk}",
        "?a=x&b=-1&page=x&ask=x&after=x",
        "?a=99999999999999999999&b=1",
    ):
        answer = client.get(f"{address(item)}{query}")
        assert answer.status_code == 200, query
        assert answer.context["pair"] is None, query


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


def test_ignoring_leads_to_the_next_item_and_can_be_undone(signed_in: MakeClient) -> None:
    item, following = make_item(length_ms=40_000), make_item()
    client = signed_in(Role.REVIEWER)

    answer = act(client, item, "ignore", "?sort=-weight", reason="jingle", label="News jingle")

    item.refresh_from_db()
    assert (item.state, item.label) == (ItemState.IGNORED, "News jingle")
    assert answer["Location"] == f"{address(following)}?sort=-weight&after={item.uid}"
    page = client.get(answer["Location"]).content.decode()
    assert "News jingle: Jingle" in page

    # After the last item comes the list, which offers to undo.
    answer = act(client, following, "ignore", reason="bed")
    assert answer["Location"] == f"{reverse('portal:unknown')}?after={following.uid}"
    assert 'value="undo"' in client.get(answer["Location"]).content.decode()

    assert act(client, item, "undo", version=item.version - 1).status_code == 409
    assert act(client, item, "undo").status_code == 302
    item.refresh_from_db()
    assert item.state == ItemState.UNIDENTIFIED


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.MANAGER)
    for form, says in (
        (IgnoreForm({"label": "x"}), "Say what it is."),
        (ItemSplitForm({"at": "9:99"}), "Enter a time as 1:02.500, or in seconds."),
        (ItemSplitForm({}), "Enter where to split it."),
        (MergeForm({}), "Choose an item."),
        (OneRecordingForm({}), "Choose a recording."),
    ):
        assert says in str(form.errors)

    cases: tuple[tuple[str, dict[str, str], int, str], ...] = (
        ("ignore", {"reason": "x", "label": "Kept text"}, 422, "Kept text"),
        ("split", {"at": "0:00.001"}, 409, "Both parts need"),
        ("merge", {"other": "u_x"}, 422, "This unknown item does not exist."),
        ("merge", {"other": item.uid}, 409, "An item cannot become part of itself."),
        ("name", {"title": "Kept text"}, 422, "Kept text"),
        ("alias", {"recording": "r_x"}, 422, "No recording has this id"),
        ("nonsense", {}, 422, "Choose what to do."),
    )
    for verb, data, status, says in cases:
        answer = act(client, item, verb, **data)
        assert answer.status_code == status, (verb, data)
        assert says in answer.content.decode(), (verb, data)

    item.refresh_from_db()
    assert item.state == ItemState.UNIDENTIFIED


def test_an_outdated_page_is_refused_with_what_was_typed(signed_in: MakeClient) -> None:
    item = make_item()
    client = signed_in(Role.REVIEWER)

    for version in ("x", "9" * 40):
        answer = act(client, item, "split", at="12.5", version=version)
        assert answer.status_code == 409, version
    UnknownItem.objects.filter(pk=item.pk).update(version=7)
    answer = act(client, item, "split", at="12.5")

    assert answer.status_code == 409
    assert "This item has changed since you opened it." in answer.content.decode()
    assert 'value="12.5"' in answer.content.decode()


def test_an_item_is_split_and_merged(signed_in: MakeClient) -> None:
    item, other_item = make_item(), make_item()
    client = signed_in(Role.REVIEWER)

    # Splitting stays on the first part.
    answer = act(client, item, "split", at="0:12.5")
    assert answer["Location"] == address(item)
    assert UnknownItem.objects.count() == 3

    # Merging leads to the other item, where it can be undone.
    item.refresh_from_db()
    answer = act(client, item, "merge", other=other_item.uid)
    assert answer["Location"] == f"{address(other_item)}?after={item.uid}"
    assert 'value="undo"' in client.get(answer["Location"]).content.decode()
    assert "Part of" in text_of(client, item)

    # After an undo, each item's history says what happened to it.
    for _undo in ("of the merge", "of the split"):
        item.refresh_from_db()
        act(client, item, "undo")
    second = UnknownItem.objects.latest("pk")
    for changed, text in (
        (item, "made it an item of its own again"),
        (item, "joined it again with the part that was split off"),
        (other_item, "took the merged item out of it again"),
        (second, "joined it again with the item that it was split off"),
    ):
        assert text in text_of(client, changed), text


@pytest.mark.parametrize("verb", ["split", "merge"])
def test_a_split_or_merge_is_undone_from_the_page_of_the_other_item(
    signed_in: MakeClient, verb: str
) -> None:
    item, target = make_item(), make_item()
    client = signed_in(Role.REVIEWER)
    act(client, item, verb, at="0:12.5", other=target.uid)
    other_item = UnknownItem.objects.latest("pk") if verb == "split" else target
    other_item.refresh_from_db()
    assert "Undo the last change" in text_of(client, other_item)

    # Whoever saw an earlier state of the other item takes nothing back.
    assert act(client, other_item, "undo", version=other_item.version - 1).status_code == 409
    assert act(client, other_item, "undo")["Location"] == address(other_item)

    length_ms = item.length_ms
    item.refresh_from_db()
    assert (item.state, item.length_ms) == (ItemState.UNIDENTIFIED, length_ms)
    for changed in (item, other_item):
        assert "Undo the last change" not in text_of(client, changed)


def test_a_manager_names_an_item_or_says_which_recording_it_is(signed_in: MakeClient) -> None:
    item, other_item = make_item(), make_item()
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
    other_recording = RecordingFactory.create()
    assert act(client, other_item, "alias", recording=other_recording.uid).status_code == 302
    other_item.refresh_from_db()
    assert other_item.state == ItemState.NAMED


def test_a_recording_that_is_there_is_offered_and_can_be_added_anyway(
    signed_in: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, item = RecordingFactory.create(title="Halflight"), make_item()
    answers = []

    def refuse(**options: object) -> Recording:
        answers.append(options["answer"])
        raise AlreadyInCatalogue("It is there.", existing=there, field="audio", may_add=True)

    monkeypatch.setattr(actions, "name_item", refuse)
    sent: dict[str, Any] = {"title": "Half Light", "bucket": there.bucket_id}
    client = signed_in(Role.MANAGER)

    question = act(client, item, "name", **sent)
    act(client, item, "name", **sent, if_there="ignore")

    page = question.content.decode()
    assert question.status_code == 422
    assert "It is there." in page
    assert 'value="Half Light"' in page
    assert f'value="{there.uid}"' in page
    assert "Add it anyway" in page
    assert answers == [None, IntakeRule.IGNORE]


def test_managers_name_reviewers_decide_and_viewers_look(signed_in: MakeClient) -> None:
    item = make_item()
    reviewer, viewer = signed_in(Role.REVIEWER), signed_in(Role.VIEWER)

    for verb in ("name", "alias"):
        assert act(reviewer, item, verb).status_code == 403
    page = text_of(reviewer, item)
    assert 'data-ask="n"' not in page
    assert 'data-ask="i"' in page

    assert act(viewer, item, "ignore", reason="bed").status_code == 403
    page = text_of(viewer, item)
    assert "Your role can view unknown sound but not change it." in page


def test_the_search_box_knows_an_item_by_its_label_and_number(signed_in: MakeClient) -> None:
    item, labelled = make_item(), make_item(label="Pier jingle")
    make_item(state=ItemState.IGNORED, label="Pier bed")
    client = signed_in(Role.VIEWER)

    def choices(typed: str) -> list[dict[str, str]]:
        query = {"kind": "unknown_items", "q": typed}
        choices: list[dict[str, str]] = client.get(reverse("portal:choices"), query).json()[
            "choices"
        ]
        return choices

    assert choices("pier") == [{"value": labelled.uid, "label": "Pier jingle", "hint": "0:30.0"}]
    for typed in ("Unknown {}", "unknown {}", "#{}", "{}", "unk"):
        values = choices(typed.format(item.pk))
        assert [choice["value"] for choice in values] == [item.uid], typed


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
