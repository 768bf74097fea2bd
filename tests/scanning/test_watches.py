"""Watches: feeds on a local site change, and the worker follows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.audit.models import Event
from base.jobs.choices import OPEN_STATES, JobState
from base.jobs.models import Job
from base.jobs.services import reclaim, submit
from scanning.choices import FileStatus, SourceGone, WatchItemState
from scanning.errors import IntakeRefused
from scanning.jobs import WATCH_CHECK
from scanning.models import Container, ScannedFile, Watch, WatchItem
from scanning.services import watches
from scanning.services.filing import delete_container
from scanning.services.intake import submit_link
from scanning.sources import feeds
from scanning.sources.feeds import Feed, FeedItem
from tests import audio
from tests.factories.scanning import ContainerFactory
from tests.fixtures import Catalogue, Worker
from tests.jobs.workers import lose_worker, take_over
from tests.scanning.podcast import Podcast, check_due, check_now, watch_of


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


def _names() -> list[str]:
    return list(ScannedFile.objects.order_by("pk").values_list("name", flat=True))


def _next_check(watch: Watch) -> datetime:
    return watches.next_checks([watch])[watch.pk]


def _open_jobs() -> int:
    return Job.objects.filter(kind=WATCH_CHECK.name, state__in=OPEN_STATES).count()


def test_only_what_is_new_is_submitted_once(
    container: Container, podcast: Podcast, admin: User, httpserver: HTTPServer
) -> None:
    watch = watch_of(container, podcast, admin)
    assert watch.title == "The Show"
    assert check_due() == 0
    podcast.titles.insert(0, "four")

    check_now(watch)
    check_now(watch)

    assert _names() == ["four"]
    assert ScannedFile.objects.get().account == "The Show"
    counts = watch.checks.order_by("pk").values_list("listed", "new", "scanned")
    assert list(counts) == [(4, 1, 1), (4, 0, 0)]

    # A link that was submitted before is named and not scanned again.
    earlier = submit_link(container=container, url=httpserver.url_for("/five.wav"), user=admin)
    podcast.titles.insert(0, "five")
    check_now(watch)
    item = watch.items.get(title="five")
    assert (item.state, item.scanned_file) == (WatchItemState.SEEN, earlier)
    assert ScannedFile.objects.count() == 2

    # The same link is watched once in a container.
    with pytest.raises(IntakeRefused, match="already watches the link"):
        watch_of(container, podcast, admin)
    assert Watch.objects.count() == 1
    assert WatchItem.objects.count() == 5


def test_what_is_there_is_submitted_too_where_that_was_chosen(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin, also_present=True, items_per_check=2)

    assert check_due() == 1
    first = _names()
    check = watch.checks.get()
    check_now(watch)

    assert first == ["one", "two"]
    assert (check.scanned, check.waiting) == (2, 1)
    assert _names() == ["one", "two", "three"]


def test_title_words_choose_items(container: Container, podcast: Podcast, admin: User) -> None:
    watch = watch_of(container, podcast, admin, title_words="News, sport")
    podcast.titles[:0] = ["Evening NEWS", "Weather"]

    check_now(watch)

    assert _names() == ["Evening NEWS"]
    assert watch.items.get(title="Weather").state == WatchItemState.FILTERED


def test_item_with_a_link_that_is_not_fetched_stops_no_other(
    container: Container, podcast: Podcast, admin: User, httpserver: HTTPServer
) -> None:
    watch = watch_of(container, podcast, admin)
    body = (
        "<rss><channel><title>x</title>"
        "<item><title>odd</title><link>ftp://a.example/x</link></item>"
        "<item><title>broken</title><link>http://[nowhere</link></item>"
        "<item><title>good</title><link>/good.wav</link></item></channel></rss>"
    )
    httpserver.clear()
    httpserver.expect_request("/feed").respond_with_data(body)

    check_now(watch)

    odd = watch.items.get(title="odd")
    assert odd.state == WatchItemState.REFUSED
    assert "it does not begin with http" in odd.message
    assert _names() == ["good"]


def test_item_missing_from_the_middle_is_gone_and_can_come_back(
    container: Container, podcast: Podcast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def are_gone() -> set[str]:
        gone = ScannedFile.objects.filter(source_gone_at__isnull=False)
        return set(gone.values_list("name", flat=True))

    watch = watch_of(container, podcast, admin, also_present=True)
    check_now(watch)
    podcast.titles = ["four", "three", "one"]

    check_now(watch)
    file = ScannedFile.objects.get(name="two")
    marked = (are_gone(), file.source_gone_why)
    gone = watch.checks.latest("pk").gone
    podcast.titles = ["four", "three", "two", "one"]
    check_now(watch)

    file.refresh_from_db()
    assert marked == ({"two"}, SourceGone.UNLISTED)
    assert gone == 1
    assert (file.source_gone_at, file.source_gone_why) == (None, "")
    actions = Event.objects.filter(case=f"file:{file.uid}").order_by("sequence")
    assert [event.action for event in actions][-2:] == ["file.source_gone", "file.source_back"]

    # What fell off the end of a feed is not gone, but of a whole playlist it is.
    podcast.titles = ["five", "four", "three"]
    check_now(watch)
    assert are_gone() == set()
    assert watch.items.filter(is_listed=False).count() == 2
    item = FeedItem(podcast.url.replace("feed", "three.wav"), "three")
    playlist = Feed("The Show", (item,), whole=True)
    monkeypatch.setattr(watches, "expand", lambda _url: playlist)
    check_now(watch)
    assert are_gone() == {"four", "five"}


def test_link_of_a_file_that_leads_nowhere_marks_it(
    container: Container, podcast: Podcast, admin: User, httpserver: HTTPServer
) -> None:
    answers = {"one": (404, SourceGone.GONE), "two": (410, SourceGone.GONE), "three": (500, "")}
    for title, (status, _why) in answers.items():
        httpserver.expect_request(f"/{title}.wav").respond_with_data(status=status)
    watch = watch_of(container, podcast, admin, also_present=True)
    check_now(watch)
    long_ago = datetime.now(tz=UTC) - timedelta(days=3)
    ScannedFile.objects.update(created_at=long_ago)

    check_now(watch)

    fields = dict(ScannedFile.objects.values_list("name", "source_gone_why"))
    assert fields == {title: why for title, (_status, why) in answers.items()}
    assert not WatchItem.objects.filter(probed_at=None).exists()


def test_failing_source_is_told_and_asked_ever_less_often(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin, every_hours=1)
    podcast.status = 503

    waits = []
    for _ in range(3):
        begun = datetime.now(tz=UTC)
        check_now(watch)
        waits.append(round((_next_check(watch) - begun).total_seconds() / 3600))
    failed = (watch.failures, watch.last_error)
    podcast.status = 200
    check_now(watch)

    assert waits == [1, 2, 4]
    assert failed == (3, "Nothing could be listed: the server answered 503 SERVICE UNAVAILABLE.")
    assert (watch.failures, watch.last_error) == (0, "")
    assert watch.checks.exclude(error="").count() == 3


def test_one_check_makes_up_for_all_that_were_missed(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin, every_hours=1)
    month_ago = datetime.now(tz=UTC) - timedelta(days=30)
    Job.objects.update(run_after=month_ago)

    counts = [check_due() for _ in range(3)]

    assert counts == [1, 0, 0]
    assert watch.checks.count() == 1

    # One that another worker checks is left alone.
    lose_worker(WATCH_CHECK.name, attempts=100)
    assert check_due() == 0
    reclaim()
    assert check_due() == 1
    assert watch.checks.count() == 2
    assert _open_jobs() == 1


def test_a_watch_is_checked_by_one_worker_at_a_time(
    container: Container, podcast: Podcast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watch_of(container, podcast, admin)
    podcast.titles.insert(0, "four")
    real, addresses = feeds.expand, []

    def look(url: str) -> Feed:
        addresses.append(check_due())
        return real(url)

    def lose(url: str) -> Feed:
        take_over(Job.objects.get(kind=WATCH_CHECK.name, state=JobState.RUNNING))
        return real(url)

    # A worker that comes meanwhile finds nothing to do.
    monkeypatch.setattr(watches, "expand", look)
    check_now(watch)
    assert addresses == [0]
    assert _names() == ["four"]
    assert watch.checks.count() == 1

    # One that lost its lease writes nothing.
    monkeypatch.setattr(watches, "expand", lose)
    podcast.titles.insert(0, "five")
    check_now(watch)
    assert _names() == ["four"]
    assert watch.checks.count() == 1


def test_paused_watch_and_one_of_a_deleted_container_rest(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin)
    due = _next_check(watch)
    watches.switch_watch(watch=watch, enabled=False, user=admin)
    watches.switch_watch(watch=watch, enabled=True, user=admin)
    assert _next_check(watch) == due
    assert check_due() == 0

    watches.switch_watch(watch=watch, enabled=False, user=admin)
    check_now(watch)
    paused = (watch.checks.exists(), _open_jobs())
    watches.switch_watch(watch=watch, enabled=True, user=admin)
    resumed = _open_jobs()
    delete_container(container=container, user=admin, reason="done")

    check_now(watch)

    assert paused == (False, 0)
    assert resumed == 1
    assert (watch.enabled, watch.last_error) == (False, "The container was deleted.")
    assert _open_jobs() == 0


def test_watch_switched_during_its_check_is_checked_again_if_it_is_on(
    container: Container, podcast: Podcast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watch_of(container, podcast, admin)
    real, switches = feeds.expand, [False]

    def look(url: str) -> Feed:
        for enabled in switches:
            watches.switch_watch(watch=watch, enabled=enabled, user=admin)
        return real(url)

    monkeypatch.setattr(watches, "expand", look)
    check_now(watch)
    paused = _open_jobs()
    switches[:] = []
    watches.switch_watch(watch=watch, enabled=True, user=admin)
    switches[:] = [False, True]
    check_now(watch)

    assert paused == 0
    assert _open_jobs() == 1


def test_changed_interval_moves_the_next_check_unless_the_source_fails(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin, every_hours=24)
    columns = {"every_hours": 6, "items_per_check": 5, "title_words": ""}
    moved = []
    for hours in (6, 168, 1):
        watches.change_watch(watch=watch, columns=columns | {"every_hours": hours}, user=admin)
        assert watch.last_check_at is not None
        moved.append((_next_check(watch) - watch.last_check_at) / timedelta(hours=1))
    podcast.status = 503
    for _ in range(3):
        check_now(watch)
    due = _next_check(watch)

    watches.change_watch(watch=watch, columns=columns, user=admin)

    assert moved == [6, 168, 1]
    assert _next_check(watch) == due
    assert _open_jobs() == 1


def test_a_paused_watch_that_is_saved_or_asked_makes_no_job(
    container: Container, podcast: Podcast, admin: User
) -> None:
    watch = watch_of(container, podcast, admin, every_hours=24)
    watches.switch_watch(watch=watch, enabled=False, user=admin)
    check_now(watch)
    watch.refresh_from_db()

    columns = {"every_hours": 6, "items_per_check": 5, "title_words": "pier"}
    watches.change_watch(watch=watch, columns=columns, user=admin)
    watches.check_soon(watch=watch, user=admin)
    paused = _open_jobs()
    watches.switch_watch(watch=watch, enabled=True, user=admin)

    watch.refresh_from_db()
    assert paused == 0
    assert (watch.every_hours, watch.title_words) == (6, "pier")
    assert _open_jobs() == 1


def test_check_that_breaks_is_tried_until_it_ends(
    container: Container, podcast: Podcast, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watch_of(container, podcast, admin)
    odd = [True]
    real = feeds.expand

    def look(url: str) -> Feed:
        if odd:
            raise ValueError("odd feed")
        return real(url)

    monkeypatch.setattr(watches, "expand", look)
    for _ in range(5):
        check_now(watch)
    odd.clear()
    check_now(watch)

    assert watch.checks.count() == 1
    assert _open_jobs() == 1

    # A deleted watch leaves no job.
    watches.delete_watch(watch=watch, user=admin)
    assert _open_jobs() == 0


def test_link_that_lists_nothing_is_no_watch(
    container: Container, podcast: Podcast, admin: User
) -> None:
    podcast.titles = []

    with pytest.raises(IntakeRefused, match="lists nothing that can be scanned"):
        watch_of(container, podcast, admin)

    assert not Watch.objects.exists()


def test_worker_scans_what_a_watched_podcast_publishes(
    catalogue: Catalogue, run_worker: Worker, podcast: Podcast, httpserver: HTTPServer, admin: User
) -> None:
    watch = watch_of(catalogue.container, podcast, admin)
    httpserver.expect_request("/four.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )
    podcast.titles.insert(0, "four")
    submit(WATCH_CHECK, watch)

    run_worker()

    file = ScannedFile.objects.get()
    assert (file.name, file.status) == ("four", FileStatus.READY)
