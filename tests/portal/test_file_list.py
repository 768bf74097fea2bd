"""The list of files while it is open, and one action on many files."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.choices import FileStatus
from scanning.models import Scan, ScannedFile
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

MANY = "/files/many/"
CHANGES = "/files/changes/"


def act(client: Client, verb: str, *files: ScannedFile, **fields: Any) -> Any:
    posted = {"verb": verb, "file": [file.uid for file in files], "apply": "yes"}
    return client.post(MANY, posted | fields)


def test_open_list_learns_a_new_status_and_what_is_gone(manager: Client) -> None:
    file = ScannedFileFactory.create(status=FileStatus.WAITING)
    row = manager.get("/files/").context["rows"][0]
    name = f"{file.uid}:{row['token']}"
    first = manager.get(CHANGES, {"rows": name})
    mark = {"If-None-Match": first["ETag"]}

    assert first.json()["rows"] == {}
    assert manager.get(CHANGES, {"rows": name}, headers=mark).status_code == 304
    ScannedFile.objects.filter(pk=file.pk).update(status=FileStatus.NO_MATCH)

    changed = manager.get(CHANGES, {"rows": name}, headers=mark).json()
    assert "No match" in changed["rows"][str(file.uid)]
    assert changed["counts"]["total"] == "1"

    act(manager, "delete", file, reason="twice")
    answer = manager.get(CHANGES, {"rows": f"{name} nonsense:y"}).json()
    assert answer["gone"] == [str(file.uid), "nonsense"]


def test_damage_is_named_in_the_language_of_the_page(manager: Client) -> None:
    file = ScannedFileFactory.create(facts={"warnings": ["Most of the file is damaged."]})
    ana = User.objects.get(pk=manager.session["_auth_user_id"])
    ana.language = "de"
    ana.save()

    for page in ("/files/", f"/files/{file.uid}/"):
        text = manager.get(page).content.decode()
        assert "Der größte Teil der Datei ist beschädigt." in text
        assert "Most of the file" not in text


def test_delete_asks_for_a_reason_and_spares_held_files(manager: Client) -> None:
    free, held = make_match(), make_match()
    locks.take_lock(match=held, user=make_user(Role.REVIEWER, username="ben"))
    files = [free.scanned_file, held.scanned_file]

    page = manager.post(MANY, {"verb": "delete", "file": [file.uid for file in files]})
    assert page.context["going"] == [free.scanned_file]
    assert "ben is reviewing" in page.content.decode()
    act(manager, "delete", *files, reason="")
    assert ScannedFile.objects.present().count() == 2

    page = act(manager, "delete", *files, reason="wrong programme")
    assert page.context["done"] == [free.scanned_file]
    assert list(ScannedFile.objects.present()) == [held.scanned_file]
    event = Event.objects.get(action="file.deleted")
    assert event.note == "wrong programme"


def test_rescan_leaves_out_files_that_are_being_scanned(manager: Client) -> None:
    ready = ScannedFileFactory.create(status=FileStatus.READY, media="a.wav")
    busy = ScannedFileFactory.create(status=FileStatus.PROCESSING, media="b.wav")
    file = ScannedFileFactory.create(fingerprint="c.acrfp")
    bare = ScannedFileFactory.create(status=FileStatus.READY, media="", source_url="")

    # A preview without a file to change only says why.
    preview = manager.post(MANY, {"verb": "rescan", "file": [bare.uid]})
    page = act(manager, "rescan", ready, busy, file, bare)

    assert "Left out" in preview.content.decode()
    assert "What this affects" not in preview.content.decode()
    assert page.context["done"] == [ready, file]
    assert [file for file, _why in page.context["left_out"]] == [busy, bare]
    queued = Scan.objects.filter(status="queued").order_by("pk")
    assert [scan.scanned_file for scan in queued] == [ready, file]


def test_move_keeps_the_decisions_and_is_an_event(manager: Client) -> None:
    match, target = make_match(), ContainerFactory.create(name="Archive")
    file = match.scanned_file
    there = ScannedFileFactory.create(container=target)
    in_cloud = ScannedFileFactory.create(remote_id="abc")

    page = act(manager, "move", file, there, in_cloud, container=target.pk)

    file.refresh_from_db()
    assert file.container == target
    assert page.context["done"] == [file]
    assert [left_out for left_out, _why in page.context["left_out"]] == [there, in_cloud]
    assert Match.objects.get().pk == match.pk
    event = Event.objects.get(action="file.moved")
    assert event.after == {"container": "Archive"}


def test_assign_gives_the_waiting_matches_to_who_may_see_them(manager: Client, ana: User) -> None:
    match, empty = make_match(), ScannedFileFactory.create()
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, containers=[])

    ana.groups.add(group)
    page = act(manager, "assign", match.scanned_file, assignee=ana.pk)
    assert page.context["done"] == []
    assert "may not see this match" in page.content.decode()

    ana.groups.remove(group)
    page = act(manager, "assign", match.scanned_file, empty, assignee=ana.pk)
    match.refresh_from_db()
    assert match.assignee == ana
    assert [left_out for left_out, _why in page.context["left_out"]] == [empty]


def test_tag_is_added_once(manager: Client) -> None:
    file = ScannedFileFactory.create(name="ep1.wav", tags=["news"])

    empty = act(manager, "tag", file)
    wrong = act(manager, "tag", file, territories="XX")
    file.refresh_from_db()
    assert file.tags == ["news"]
    assert "Enter a territory or a tag." in empty.content.decode()
    assert "XX is not a territory" in wrong.content.decode()

    outcome = act(manager, "tag", file, tags="check").content.decode()
    page = act(manager, "tag", file, tags="check, news")
    file.refresh_from_db()
    assert file.tags == ["news", "check"]
    assert f'href="/files/{file.uid}/"' in outcome
    assert page.context["done"] == []
    assert "It already has all of these." in page.content.decode()


def test_territories_of_many_files_let_a_licence_clear(manager: Client) -> None:
    match, other_file = make_match(), ScannedFileFactory.create(tags=["radio"])
    make_licence(recordings=[match.recording], territories=["FR"])

    act(manager, "tag", match.scanned_file, other_file, territories="fr", tags="autumn")

    match.refresh_from_db()
    other_file.refresh_from_db()
    assert match.state == MatchState.CLEARED
    assert other_file.tags == ["territory:FR", "radio", "autumn"]
    assert Event.objects.filter(action="file.details_changed").count() == 2


def test_each_role_does_what_it_may_with_readable_choices(signed_in: MakeClient) -> None:
    file = ScannedFileFactory.create()
    clients = {role: signed_in(role) for role in Role}

    for role, verb, status in (
        (Role.VIEWER, "tag", 403),
        (Role.REVIEWER, "tag", 200),
        (Role.REVIEWER, "delete", 403),
        (Role.REVIEWER, "move", 403),
        (Role.MANAGER, "delete", 200),
    ):
        answer = clients[role].post(MANY, {"verb": verb, "file": [file.uid]})
        assert answer.status_code == status, (role, verb)
    for posted in ({"verb": "explode"}, {"verb": "tag"}, {"verb": "tag", "file": "x"}):
        answer = clients[Role.MANAGER].post(f"{MANY}?state=ready", posted)
        assert answer["Location"] == "/files/?state=ready"


def test_files_are_filtered_by_what_was_typed(manager: Client) -> None:
    file = make_match().scanned_file
    ScannedFile.objects.update(programme="Evening", tags=["Fußball", "x"])
    Match.objects.update(found_late=True)
    ScannedFileFactory.create(name="other.wav", programme="Noon", tags=["Noon"])

    for query, is_listed in (
        ({"programme": "even"}, True),
        ({"programme": "morning"}, False),
        ({"tag": "Fußball"}, True),
        ({"tag": "Tennis"}, False),
        ({"late": "yes"}, True),
        ({"late": "yes", "found_from": "2020-01-01"}, True),
        ({"found_until": "2020-01-01"}, False),
    ):
        rows = manager.get("/files/", query).context["rows"]
        assert [row["file"] for row in rows] == ([file] if is_listed else []), query
