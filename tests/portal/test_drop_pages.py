"""The pages of drops: made, changed, given subfolders, and what they say of files."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.audit.models import Event
from scanning.models import Drop, DropFolder
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient
from tests.scanning.drops.incoming import Incoming, allow_drops, poll
from tests.security.world import Desk


@pytest.fixture
def roots(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """Return a folder below which drops may lie."""
    return allow_drops(tmp_path_factory.mktemp("drops"), settings)


def _form(place: str, container: int, **options: str) -> dict[str, object]:
    return {
        "place": place,
        "container": container,
        "name": "Radio",
        "every_seconds": 60,
        "afterwards": "drop_move",
        **options,
    }


def _make(client: Client, folder: Path) -> Incoming:
    folder.mkdir()
    client.post("/drops/new/", _form(str(folder), ContainerFactory.create().pk))
    return Incoming(folder, Drop.objects.get(place=str(folder)))


def _run_drops(**options: str) -> str:
    output = io.StringIO()
    call_command("drops", **options, stdout=output)
    return output.getvalue()


def test_a_drop_is_made_and_page_and_command_tell_what_waits_and_why(
    signed_in: MakeClient, roots: Path
) -> None:
    assert _run_drops() == "There are no drops.\n"
    assert _run_drops(format="json") == ""
    client = signed_in(Role.REVIEWER)
    incoming = _make(client, roots / "radio")
    incoming.write("news/one.mp3")
    incoming.write("two.mp3", b"two")
    incoming.write("three.mp3", b"three")
    incoming.write("three.mp3.json", "{")
    poll(incoming.drop, 2)

    page = client.get(f"/drops/{incoming.drop.uid}/").content.decode()
    waiting = client.get(f"/drops/{incoming.drop.uid}/?show=drop_waiting")

    assert "1 file in news is waiting, because the subfolder has no container." in page
    assert 'value="news"' in page
    assert "three.mp3.json: The JSON file cannot be read" in page
    assert "two.mp3" not in waiting.content.decode()

    text = _run_drops()
    assert "1 waiting, 1 taken, 1 failed" in text
    assert "waiting: news/one.mp3: No container is assigned" in text
    (drop,) = map(json.loads, _run_drops(format="json").splitlines())
    assert "news/one.mp3" in [file["path"] for file in drop["files"]]


def test_a_drop_is_changed_paused_polled_and_deleted_by_its_maker(
    signed_in: MakeClient, roots: Path
) -> None:
    client = signed_in(Role.REVIEWER)
    incoming = _make(client, roots / "radio")
    page = f"/drops/{incoming.drop.uid}/"
    other_container = ContainerFactory.create()

    changed = {"name": "FM", "every_seconds": 15, "afterwards": "drop_leave"}
    client.post(f"{page}edit/", changed)
    client.post(f"{page}switch/", {"enabled": "no"})
    client.post(f"{page}switch/", {"enabled": "yes"})
    client.post(f"{page}poll/")
    client.post(f"{page}folders/", {"name": "news", "container": other_container.pk})
    assigned = DropFolder.objects.get().container
    client.post(f"{page}folders/", {"release": "news"})
    retried = client.post(f"{page}retry/", follow=True).content.decode()
    incoming.drop.refresh_from_db()
    now = (incoming.drop.name, incoming.drop.every_seconds, incoming.drop.afterwards)
    client.post(f"{page}delete/")

    assert now == ("FM", 15, "drop_leave")
    assert assigned == other_container
    assert "There are no failed files left in this folder" in retried
    assert not Drop.objects.exists()
    events = Event.objects.filter(case=f"drop:{incoming.drop.uid}").order_by("sequence")
    assert [event.action for event in events] == [
        *("drop.created", "drop.changed", "drop.paused", "drop.resumed", "drop.asked"),
        *("drop.folder_assigned", "drop.folder_released", "drop.deleted"),
    ]


def test_a_drop_that_cannot_be_is_refused_with_the_reason(
    signed_in: MakeClient, roots: Path
) -> None:
    client = signed_in(Role.REVIEWER)
    incoming = _make(client, roots / "radio")
    form = _form(str(roots), ContainerFactory.create().pk)

    for options, why in (
        ({"place": "/etc"}, "Drops cannot be in /etc"),
        ({"afterwards": "drop_tag"}, "Files in a folder have no tags"),
        (
            {"place": str(incoming.folder)},
            f"Another drop already takes the files in {incoming.folder}.",
        ),
    ):
        answer = client.post("/drops/new/", form | options)
        assert why in answer.content.decode()
    assert Drop.objects.get() == incoming.drop


def test_a_folder_that_this_machine_lacks_is_a_warning_at_once(
    signed_in: MakeClient, roots: Path
) -> None:
    client = signed_in(Role.REVIEWER)
    folder, file = roots / "radio", roots / "file"
    file.touch()
    form = _form(str(folder), ContainerFactory.create().pk)

    made = client.post("/drops/new/", form, follow=True).content.decode()
    of_file = client.post("/drops/new/", form | {"place": str(file)}, follow=True)
    drop = Drop.objects.get(place=str(folder))
    edit = f"/drops/{drop.uid}/edit/"
    lacking = client.post(edit, form, follow=True).content.decode()
    folder.mkdir()
    mended = client.post(edit, form, follow=True).content.decode()

    assert f"{folder} cannot be opened: No such file or directory. Create the folder" in made
    assert "are now taken" not in made
    assert "cannot be opened: Not a directory. Create" in of_file.content.decode()
    assert "Create the folder" in lacking
    assert "Create the folder" not in mended
    assert "The drop was saved." in mended


def test_without_roots_the_pages_say_so(signed_in: MakeClient) -> None:
    client = signed_in(Role.MANAGER)

    for path in ("/drops/", "/drops/new/"):
        assert "allows no drops yet" in client.get(path).content.decode()


def test_only_the_maker_and_managers_change_a_drop(signed_in: MakeClient, roots: Path) -> None:
    incoming = _make(signed_in(Role.REVIEWER), roots / "radio")

    for role, expected in ((Role.VIEWER, 403), (Role.REVIEWER, 403), (Role.MANAGER, 302)):
        answer = signed_in(role).post(f"/drops/{incoming.drop.uid}/poll/")
        assert answer.status_code == expected, role


def test_people_with_limits_make_no_drops_and_see_no_files_of_others(
    client: Client, signed_in: MakeClient, roots: Path
) -> None:
    own, other_desk = Desk(1), Desk(2)
    folder = roots / "radio"
    folder.mkdir()
    signed_in(Role.MANAGER).post("/drops/new/", _form(str(folder), own.container.pk, name="Shared"))
    incoming = Incoming(folder, Drop.objects.get())
    DropFolder.objects.create(drop=incoming.drop, name="theirs", container=other_desk.container)
    incoming.write("theirs/hidden.mp3", b"hidden")
    incoming.write("ours.mp3", b"ours")
    poll(incoming.drop, 2)
    client.force_login(own.user)
    page = f"/drops/{incoming.drop.uid}/"

    text = client.get(page).content.decode()
    made = client.post("/drops/new/", _form(str(roots / "b"), own.container.pk))
    taken = client.post(f"{page}folders/", {"name": "theirs", "container": own.container.pk})

    assert "ours.mp3" in text
    assert "hidden.mp3" not in text
    assert "theirs" not in text
    assert "?show=drop_waiting" not in client.get("/drops/").content.decode()
    assert made.status_code == 403
    assert taken.status_code == 302
    folders = DropFolder._base_manager.values_list("container", flat=True)
    assert list(folders) == [other_desk.container.pk]
