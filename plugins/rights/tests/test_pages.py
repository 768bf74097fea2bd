"""The pages of works, parties, releases, recordings with rights, and conflicts."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Work
from plugins.rights.actions import parts, records
from plugins.rights.tests.factories import ISRC, claim, claim_all, master, recording, share, work
from review.choices import MatchState
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.statements import state_everywhere

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER)


@pytest.fixture
def page(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def test_pages_and_programs_say_what_is_known_of_each_record(page: Client) -> None:
    ours = RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern")
    claim_all()
    work = Work.objects.get()
    sound, album = RightsRecording.objects.get(), Release.objects.get()
    anna = Party.objects.get(name="Muster")

    for address, words in (
        (reverse("portal:work_list") + "?q=muster", ["Blue Lantern"]),
        (reverse("portal:party_list") + "?q=815140", ["Anna Muster"]),
        (reverse("portal:work", args=[work.uid]), ["Anna Muster", "50", "World"]),
        (reverse("portal:party", args=[anna.uid]), ["Blue Lantern", "00000815140"]),
        (reverse("portal:release", args=[album.uid]), ["NP001", "LC00001"]),
        (reverse("portal:rights_recording", args=[sound.uid]), ["Harbour Lights", "line 9", ISRC]),
        (
            reverse("portal:recording_detail", args=[ours.uid]),
            ["Harbour Lights", "Example Music", "Night Pier"],
        ),
    ):
        answer = page.get(address)
        assert answer.status_code == 200
        for word in words:
            assert word in answer.content.decode(), (address, word)

    # Programs read who owns what on a day.
    address = reverse("api:recording_rights", args=[ours.uid])
    rights = page.get(address, {"on": "2026-11-01", "territory": "CH,2110"}).json()
    owners = {row["party_name"]: row for row in rights["owners"]}
    assert sorted(owners) == ["Anna Muster", "Example Music", "Harbour Lights"]
    assert owners["Anna Muster"]["percent"] == "50.0000"
    assert owners["Anna Muster"]["territories"] == ["BE", "CH", "LU", "NL"]
    assert rights["works"][0]["iswc"] == "T9000000011"
    assert page.get(address, {"territory": "2135"}).status_code == 422

    # A viewer sees and does not edit.
    page.force_login(make_user(Role.VIEWER))
    text = page.get(reverse("portal:work", args=[work.uid])).content.decode()
    assert 'value="share_out"' not in text
    assert page.get(reverse("portal:work_edit", args=[work.uid])).status_code == 403


def test_a_work_is_added_edited_and_given_a_share(page: Client) -> None:
    page.post(reverse("portal:party_create"), {"name": "Muster", "is_ours": "on"})
    party = Party.objects.get()
    added = {"title": "New work", "iswc": "T-900.000.001-1"}
    page.post(reverse("portal:work_create"), added)
    made = Work.objects.get()
    assert (party.is_ours, made.iswc) == (True, "T9000000011")

    fields = {
        "party": party.uid,
        "role": "CA",
        "right": "PR",
        "kind": "OWN",
        "percent": "62.5",
        "included": "2136",
        "excluded": "US",
        "valid_from": "2026-01-01",
    }
    answer = page.post(reverse("portal:work_share", args=[made.uid]), fields)
    assert answer.status_code == 302, answer.content.decode()
    assert str(Share.objects.get()) == "Muster PR 62.5 %"
    text = page.get(reverse("portal:work", args=[made.uid])).content.decode()
    assert "World without United States" in text

    address = reverse("portal:work_act", args=[made.uid])
    # A page from before the share was added names another event, or none.
    refused = page.post(address, {"verb": "undo", "event": "1"})
    assert refused.status_code == 409
    assert Share.objects.get().withdrawn_at is None
    event = re.search(r'name="event" value="(\d+)"', text)
    assert event is not None
    page.post(address, {"verb": "undo", "event": event[1]})
    assert Share.objects.get().withdrawn_at is not None


def test_a_merge_says_first_which_statements_it_changes(page: Client, manager: User) -> None:
    ours = RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern")
    claim(recordings=[recording(shares=(master("L1", "60"), master("P1", "40")))])
    label, music = (Party.objects.get(name=name) for name in ("Harbour Lights", "Example Music"))
    records.edit(record=label, user=manager, revision=label.revision, values={"is_ours": True})
    match = make_match(recording=ours, state=MatchState.CONFIRMED)
    state_everywhere(match, manager)
    address = reverse("portal:party_act", args=[music.uid])
    merge = {"verb": "merge", "into": label.uid}

    question = page.post(address, merge)
    text = question.content.decode()

    assert "reads “100.00 %”, not “60.00 %”." in text
    # *Cancel* leads back.
    assert f'href="{reverse("portal:party", args=[music.uid])}" data-back' in text
    music.refresh_from_db()
    assert music.merged_into is None
    page.post(address, merge | {"agreed": question.context["consequences"].mark})
    music.refresh_from_db()
    assert music.merged_into == label


def test_a_form_says_what_is_wrong(page: Client) -> None:
    claim_all()
    made = Work.objects.get()
    fields = {"title": made.title, "iswc": made.iswc, "revision": "1"}
    edit = reverse("portal:work_edit", args=[made.uid])

    for wrong, message in (
        ({"iswc": "T9000000012"}, "check digit"),
        ({"title": ""}, "required"),
        ({"revision": "7", "title": "Other"}, "changed since"),
    ):
        answer = page.post(edit, fields | wrong)
        assert answer.status_code == 422, wrong
        assert message in answer.content.decode(), wrong


def test_titles_recordings_merging_and_splitting_have_their_forms(page: Client) -> None:
    claim_all()
    claim(works=[work(iswc="", submitter_id="2", title="Other", recordings=())])
    first, two = Work.objects.order_by("pk")
    ours = RecordingFactory.create(title="Without a code")
    act = reverse("portal:work_act", args=[first.uid])

    page.post(act, {"verb": "title", "text": "Blaue Laterne", "kind": "TT"})
    page.post(act, {"verb": "link", "recording": ours.uid})
    assert first.titles.get().text == "Blaue Laterne"
    assert first.recordings.count() == 2
    page.post(act, {"verb": "unlink", "sound": ours.rights_record.uid})
    assert first.recordings.count() == 1
    taken = first.shares.first()
    assert taken is not None
    page.post(act, {"verb": "split", "title": "Third", "share": taken.uid})
    assert Work.objects.get(title="Third").shares.count() == 1
    page.post(reverse("portal:work_act", args=[two.uid]), {"verb": "merge", "into": first.uid})
    two.refresh_from_db()
    assert two.merged_into == first
    assert page.get(reverse("portal:work", args=[two.uid])).status_code == 200
    refused = page.post(act, {"verb": "merge", "into": "nothing"})
    assert refused.status_code == 409


def test_a_conflict_is_settled_by_a_choice_and_opened_again(page: Client) -> None:
    claim(works=[work(shares=(share("W1", "100"),))])
    claim(sender="Another", works=[work(shares=(share("P1", "100"),))])
    row = Conflict.objects.get()
    listing = page.get(reverse("portal:rights_conflicts")).content.decode()
    assert "Sources disagree about shares" in listing
    text = page.get(reverse("portal:rights_conflict", args=[row.uid])).content.decode()
    assert "Another" in text
    assert "Anna Muster" in text

    settle = reverse("portal:rights_conflict_settle", args=[row.uid])
    chosen = {"verb": "settle", "choice": "=Another", "revision": row.revision}
    assert page.post(settle, chosen).status_code == 302
    row.refresh_from_db()
    assert (row.state, row.chosen) == (ConflictState.SETTLED, "Another")
    assert page.post(settle, chosen).status_code == 409

    assert page.post(settle, {"verb": "undo", "revision": chosen["revision"]}).status_code == 409
    page.post(settle, {"verb": "undo", "revision": row.revision})
    row.refresh_from_db()
    assert row.state == ConflictState.OPEN

    many = reverse("portal:rights_conflict_many")
    page.post(many, {"conflict": [row.uid], "note": "Asked both"})
    row.refresh_from_db()
    assert (row.state, row.note) == (ConflictState.SETTLED, "Asked both")


def test_all_conflicts_of_one_work_are_settled_at_once(page: Client) -> None:
    claim(works=[work(shares=(share("W1", "100"),))])
    claim(
        sender="Another",
        works=[
            work(
                submitter_id=Work.objects.get().uid,
                iswc="T0345246801",
                shares=(share("P1", "100"),),
            )
        ],
    )
    item = Work.objects.get()
    rows = item.conflicts.filter(state=ConflictState.OPEN)
    count = rows.count()
    assert count > 1
    address = f"{reverse('portal:rights_conflicts')}?of={item.uid}"
    assert address in page.get(reverse("portal:work", args=[item.uid])).content.decode()
    form = page.get(address).context["all_form"]
    assert ("=Another", "Another") in form.fields["source"].choices

    many = reverse("portal:rights_conflict_many")
    seen = form.initial["seen"]
    page.post(many, {"seen": seen, "source": "=Another", "note": ""})

    assert {row.chosen for row in item.conflicts.filter(state=ConflictState.SETTLED)} == {
        "Another",
        "T0345246801",
    }
    item.refresh_from_db()
    assert item.iswc == "T0345246801"
    assert not rows.exists()

    # What a person saw decides: they are settled by now, so that nothing changes.
    answer = page.post(many, {"seen": seen, "note": "Leave them"}, follow=True)
    assert "has changed since you opened it" in answer.content.decode()
    assert not item.conflicts.filter(note="Leave them").exists()


def test_each_kind_of_conflict_can_be_opened(page: Client) -> None:
    claim(works=[work(shares=(share("W1", "60"), share("P1", "60")))])
    claim_all(sender="B", releases=[], works=[])
    claim(
        sender="C",
        works=[work(iswc="T0345246801", shares=(), recordings=(), submitter_id="EX0001")],
    )
    for row in Conflict.objects.all():
        answer = page.get(reverse("portal:rights_conflict", args=[row.uid]))
        assert answer.status_code == 200


def test_limits_hide_works_recordings_and_forms_that_cannot_be_sent(
    client: Client, manager: User
) -> None:
    hidden = RecordingFactory.create(isrc_normalised="QZAA02600009", title="Velvet")
    seen = RecordingFactory.create(isrc_normalised=ISRC, title="Blue Lantern")
    claim_all()
    work = Work.objects.get()
    work_page = reverse("portal:work", args=[work.uid])
    anna = Party.objects.get(name="Muster")
    parts.link_recording(record=work, recording=hidden, user=make_user(Role.MANAGER))
    limit = AccessLimit.objects.create(
        group=manager.groups.get(), buckets=[RecordingFactory.create().bucket_id]
    )
    client.force_login(manager)

    def text(name: str, *args: str) -> str:
        return client.get(reverse(f"portal:{name}", args=args)).content.decode()

    # Nothing of the work is in the person's bucket.
    assert "Blue Lantern" not in text("work_list")
    assert client.get(work_page).status_code == 404
    assert "Blue Lantern" not in text("party", anna.uid)

    # One of its two recordings is.
    limit.buckets = [seen.bucket_id]
    limit.save()
    label = text("work", work.uid)
    assert "got a recording" in label
    assert "Velvet" not in label
    for name in ("work_edit", "work_share"):
        form = text(name, work.uid)
        assert "buckets that you cannot see" in form
        assert ">Save<" not in form
    address = text("rights_import")
    assert "Ask an admin to do it" in address
    assert "Check the file" not in address
    assert reverse("portal:rights_import") not in text("work_list")


def test_a_source_is_exported_from_its_page_and_over_the_api(page: Client) -> None:
    claim_all()
    form = reverse("portal:rights_export")
    assert form in page.get(reverse("portal:work_list")).content.decode()
    assert "Example Music" in page.get(form).content.decode()

    answer = page.post(form, {"source": "=Example Music"})
    reply = page.get(reverse("api:rights_table"), {"sender": "Example Music"})

    content = b"".join(answer)
    assert answer["Content-Disposition"] == 'attachment; filename="rights.csv"'
    assert b"EX0001" in content
    assert b"".join(reply) == content
    unknown = page.get(reverse("api:rights_table"), {"sender": "Nobody"})
    assert unknown.status_code == 422
    assert "Example Music" in unknown.content.decode()
    page.force_login(make_user(Role.VIEWER))
    assert page.post(form, {"source": "=Example Music"}).status_code == 403
    assert form not in page.get(reverse("portal:work_list")).content.decode()


def test_forms_begin_with_empty_artists_and_lead_back_to_their_record(page: Client) -> None:
    new = page.get(reverse("portal:release_create")).content.decode()
    assert 'value="[]"' not in new

    page.post(reverse("portal:release_create"), {"title": "Pier", "artists": "A | B"})
    release = Release.objects.get(title="Pier")
    assert release.artists == ["A", "B"]
    edited = page.get(reverse("portal:release_edit", args=[release.uid]))
    text = edited.content.decode()
    assert 'value="A | B"' in text
    crumbs = text.partition('class="crumbs"')[2].partition("</nav>")[0]
    assert reverse("portal:release", args=[release.uid]) in crumbs
    assert "Edit the release" in crumbs
