"""Files in a watched folder become scanned files, each once, and are put away."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from scanning.choices import DropAfterwards
from scanning.drops import folder as folders
from scanning.drops import polling, services
from scanning.drops.places import DropFile, FileChanged, check_place
from scanning.errors import IntakeRefused
from scanning.models import Container, Drop, DropItem, ScannedFile
from scanning.services.intake import submit_upload
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory
from tests.scanning.drops.incoming import FAILED, KNOWN, TAKEN, WAITING, Incoming, drop_in, poll


def test_a_file_that_stands_still_is_taken_and_moved(incoming: Incoming) -> None:
    incoming.write("show.mp3", b"first show")

    incoming.poll()
    before = (incoming.states(), ScannedFile.objects.count())
    incoming.poll()

    assert before == ({"show.mp3": WAITING}, 0)
    assert incoming.states() == {"show.mp3": TAKEN}
    file = ScannedFile.objects.get()
    assert (file.name, file.container) == ("show.mp3", incoming.drop.container)
    assert file.sha256 == hashlib.sha256(b"first show").hexdigest()
    with file.media.open("rb") as media:
        assert media.read() == b"first show"
    assert file.scans.count() == 1
    assert incoming.files() == ["done/show.mp3"]
    took = Event.objects.get(action="drop.took")
    assert took.after == {"taken": 1}


def test_files_wait_until_they_stand_still_whatever_their_time_says(incoming: Incoming) -> None:
    path = incoming.write("show.mp3", b"half")
    gone = incoming.write("gone.mp3")
    incoming.write("empty.mp3", b"")
    raw = os.fsencode(incoming.folder) + b"/na\xefve.mp3"
    with open(raw, "wb") as file:  # noqa: PTH123 - no path is text here
        file.write(b"sound")
    incoming.poll()
    path.write_bytes(b"half and")
    os.utime(path, ns=(1, 1))
    gone.unlink()
    incoming.poll()

    # Names that are no UTF-8 are taken, and files that disappear are forgotten.
    states = incoming.states()
    assert (states.pop("show.mp3"), states.pop("empty.mp3")) == (WAITING, WAITING)
    assert list(states.values()) == [TAKEN]
    assert ScannedFile.objects.get().name == "na\ufffdve.mp3"
    assert os.listdir(os.fsencode(incoming.folder) + b"/done") == [b"na\xefve.mp3"]  # noqa: PTH208 - as above
    assert "empty" in incoming.message("empty.mp3")

    path.write_bytes(b"half and the rest")
    incoming.write("empty.mp3", b"now there is sound")
    incoming.poll()
    states = incoming.states()
    assert (states["show.mp3"], states["empty.mp3"]) == (WAITING, WAITING)
    assert ScannedFile.objects.count() == 1
    incoming.poll()
    assert set(incoming.states().values()) == {TAKEN}
    assert ScannedFile.objects.get(name="show.mp3").size_bytes == 17


def test_a_file_waits_for_the_seconds_of_the_setting(
    incoming: Incoming, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACRPORTAL_DROP_SETTLE_SECONDS = 30.0
    clock = [1000.0]
    monkeypatch.setattr(polling, "monotonic", lambda: clock[0])
    incoming.write("show.mp3")

    incoming.poll()
    clock[0] += 29.0
    incoming.poll(2)
    early = incoming.states()
    clock[0] += 1.0
    incoming.poll()

    assert early == {"show.mp3": WAITING}
    assert incoming.states() == {"show.mp3": TAKEN}


def test_after_a_restart_of_the_machine_a_file_waits_anew(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming.write("show.mp3")
    incoming.poll()
    monkeypatch.setattr(polling, "_machine", lambda: "started again")
    incoming.poll()
    waited = incoming.states()
    incoming.poll()

    assert waited == {"show.mp3": WAITING}
    assert incoming.states() == {"show.mp3": TAKEN}


def test_hidden_unfinished_and_linked_files_are_never_taken(
    incoming: Incoming, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp3"
    secret.write_bytes(b"outside")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "other.mp3").write_bytes(b"outside too")
    for name in (".show.mp3", "a.mp3.part", "b.TMP", "c.crdownload", "d.mp3~"):
        incoming.write(name)
    for name in ("Thumbs.db", "desktop.ini", "cover.jpg", "~$notes.docx", "info.nfo"):
        incoming.write(f"album/{name}")
    incoming.write(".hidden/e.mp3")
    incoming.write("done/f.mp3")
    (incoming.folder / "link.mp3").symlink_to(secret)
    (incoming.folder / "linked").symlink_to(tmp_path / "folder")
    os.mkfifo(incoming.folder / "pipe.mp3")

    incoming.poll(3)

    assert incoming.states() == {}
    assert not ScannedFile.objects.exists()


def test_the_same_bytes_are_one_file_and_names_stay_apart(incoming: Incoming) -> None:
    path = incoming.write("show.mp3", b"one")
    os.utime(path, ns=(10**18, 10**18))
    incoming.poll(2)
    incoming.write("again.mp3", b"one")
    incoming.poll(2)

    assert incoming.states() == {"show.mp3": TAKEN, "again.mp3": KNOWN}
    assert incoming.message("again.mp3").endswith("as show.mp3.")
    assert ScannedFile.objects.count() == 1
    assert DropItem.objects.get(path="again.mp3").scanned_file is not None

    # A file put back is not taken again; another with its name is.
    (incoming.folder / "done" / "show.mp3").rename(path)
    incoming.poll(2)
    assert ScannedFile.objects.count() == 1
    incoming.write("show.mp3", b"another")
    incoming.poll(2)
    assert ScannedFile.objects.count() == 2
    assert incoming.files() == [*("done/again.mp3", "done/show (2).mp3", "done/show.mp3")]


def test_a_refused_file_is_moved_with_the_reason_and_may_come_back(
    incoming: Incoming, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 5
    incoming.write("long.mp3", b"123456")
    incoming.poll(2)
    failed = (incoming.states(), incoming.files())
    reason = (incoming.folder / "failed" / "long.mp3.reason.txt").read_text()
    settings.ACRPORTAL_MAX_FILE_BYTES = 6
    (incoming.folder / "failed" / "long.mp3").rename(incoming.folder / "long.mp3")
    incoming.poll(2)

    assert failed == ({"long.mp3": FAILED}, ["failed/long.mp3", "failed/long.mp3.reason.txt"])
    assert "long.mp3" in reason
    assert incoming.states() == {"long.mp3": TAKEN}


def test_subfolders_go_to_their_containers_and_unknown_ones_wait(
    incoming: Incoming, manager: User
) -> None:
    news = ContainerFactory.create(name="News")
    services.assign_folder(drop=incoming.drop, name="news", container=news, user=manager)
    incoming.write("news/morning/one.mp3", b"one")
    incoming.write("sport/two.mp3", b"two")
    incoming.write("three.mp3", b"three")

    incoming.poll(2)
    before = incoming.states()
    message = incoming.message("sport/two.mp3")
    services.assign_folder(drop=incoming.drop, name="sport", container=news, user=manager)
    incoming.poll()

    assert before["sport/two.mp3"] == WAITING
    assert message == "No container is assigned to the subfolder sport yet."
    containers = dict(ScannedFile.objects.values_list("name", "container__name"))
    assert containers == {
        "one.mp3": "News",
        "two.mp3": "News",
        "three.mp3": incoming.drop.container.name,
    }
    assert "done/news/morning/one.mp3" in incoming.files()


def test_a_folder_in_which_nothing_can_be_moved_works_too(incoming: Incoming) -> None:
    # Nothing can be moved to a folder that is none, as on a disk that is read-only.
    incoming.write("done")
    incoming.write("one.mp3", b"one")
    incoming.write("two.mp3", b"two")

    incoming.poll(4)

    assert incoming.states() == {"one.mp3": TAKEN, "two.mp3": TAKEN}
    assert ScannedFile.objects.count() == 2
    assert incoming.files() == ["done", "one.mp3", "two.mp3"]
    assert "cannot be moved to done" in incoming.drop.notice


def test_files_stay_where_that_is_wanted_and_rows_remember(
    incoming: Incoming, settings: Settings, manager: User
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 10
    columns = {"name": "A", "every_seconds": 60, "afterwards": DropAfterwards.LEAVE}
    services.change_drop(drop=incoming.drop, columns=columns, user=manager)
    incoming.write("show.mp3")
    incoming.write("long.mp3", b"more than ten bytes")
    incoming.poll(4)
    files = (incoming.files(), ScannedFile.objects.count())
    settings.ACRPORTAL_MAX_FILE_BYTES = 100
    failed = DropItem.objects.filter(state=FAILED)
    count = services.retry_failed(drop=incoming.drop, items=failed, user=manager)
    incoming.poll(2)

    assert files == (["long.mp3", "show.mp3"], 1)
    assert count == 1
    assert ScannedFile.objects.count() == 2


def test_a_kill_after_the_file_was_made_moves_it_later(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming.write("show.mp3")
    incoming.poll()
    with monkeypatch.context() as patch:
        patch.setattr(polling._Poll, "_put_away", lambda *_named: None)
        incoming.poll()
    before = incoming.files()
    incoming.poll()

    assert before == ["show.mp3"]
    assert incoming.files() == ["done/show.mp3"]
    assert ScannedFile.objects.count() == 1


def test_two_workers_with_one_drop_make_one_file(
    incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rival(**named: object) -> object:
        # Another worker, which believes the job to be its own, is faster.
        DropItem.objects.update(state=TAKEN)
        return submit_upload(**named)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(polling, "submit_upload", rival)
    incoming.write("show.mp3")
    incoming.poll()
    services.poll_soon(drop=incoming.drop, user=make_user(Role.MANAGER))
    run_next(Pool.TALK)

    assert not ScannedFile.objects.exists()


def test_what_is_replaced_while_it_is_copied_or_moved_is_left(
    incoming: Incoming, tmp_path: Path
) -> None:
    path = incoming.write("show.mp3", b"first")
    place = folders.FolderPlace(str(incoming.folder))
    (file,) = place.files()

    def replace() -> None:
        other_path = incoming.write(".other", b"other")
        other_path.rename(path)

    with pytest.raises(FileChanged):
        place.copy(file, ContentFile(b""), replace)  # type: ignore[arg-type]  # is written to
    with pytest.raises(FileChanged):
        place.put_away(file, [], "done", "")
    place.close()
    assert path.read_bytes() == b"other"
    path.unlink()

    # A link in place of a folder leads nowhere.
    incoming.write("news/show.mp3", b"inside")
    (tmp_path / "show.mp3").write_bytes(b"secret")
    place = folders.FolderPlace(str(incoming.folder))
    (file,) = place.files()
    (incoming.folder / "news").rename(incoming.folder / ".away")
    (incoming.folder / "news").symlink_to(tmp_path)
    with pytest.raises(FileChanged):
        place.copy(file, ContentFile(b""), lambda: None)  # type: ignore[arg-type]  # stays empty
    place.close()


def test_a_drop_through_a_link_is_refused_and_the_next_poll_comes_later(
    roots: Path, container: Container, manager: User, tmp_path: Path
) -> None:
    (roots / "link").symlink_to(tmp_path)
    drop = drop_in(str(roots / "link"), container, manager)

    poll(drop)
    poll(drop)

    assert "cannot be opened" in drop.last_error
    assert drop.failures == 2
    next_at = services.next_polls([drop])[drop.pk]
    assert (next_at - drop.last_poll_at).total_seconds() > 60  # type: ignore[operator]  # it was polled


def test_places_outside_the_roots_and_inside_other_drops_are_refused(
    incoming: Incoming, manager: User, tmp_path: Path, settings: Settings
) -> None:
    roots = incoming.folder.parent
    for place in (
        *("relative", "/etc", f"{roots}/../etc", f"{roots}-else", "s3://bucket/"),
        *("", "/a\nb"),
    ):
        with pytest.raises(IntakeRefused):
            check_place(place)
    inner = str(incoming.folder / "inner")
    with pytest.raises(IntakeRefused, match="Another drop"):
        drop_in(inner, incoming.drop.container, manager)

    settings.ACRPORTAL_DROP_ROOTS = ["/"]
    with pytest.raises(IntakeRefused, match="its own data"):
        check_place(str(tmp_path / "media"))


def test_a_paused_drop_and_one_of_a_deleted_container_do_nothing(
    incoming: Incoming, manager: User
) -> None:
    services.switch_drop(drop=incoming.drop, enabled=False, user=manager)
    incoming.write("show.mp3")
    incoming.poll(2)
    paused = incoming.states()
    services.switch_drop(drop=incoming.drop, enabled=True, user=manager)
    incoming.poll(2)
    assert paused == {}
    assert incoming.states() == {"show.mp3": TAKEN}

    Container.objects.filter(pk=incoming.drop.container_id).update(deleted_at="2026-01-01T00:00Z")
    incoming.poll()
    assert not incoming.drop.enabled
    assert Drop.objects.get().last_error == "The container was deleted."


def test_identity_tells_names_and_sizes_apart() -> None:
    files = [DropFile("a", 11, "1"), DropFile("a", 1, "11"), DropFile("b", 11, "1")]

    assert len({file.identity for file in files}) == 3
