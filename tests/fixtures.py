"""Fixtures for every test: an own data folder, signed-in clients, and a worker to run."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.models import ContentType
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.test import Client, TransactionTestCase
from django.utils.module_loading import import_string
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from pytest_django import DjangoDbBlocker, Settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs import clock, periodic, resources
from base.jobs.choices import JobState
from base.jobs.kinds import all_kinds, regular_work
from base.jobs.models import Job
from catalogue.models import Bucket, Recording
from catalogue.services import add_recording, create_bucket
from recognition.audio import media
from recognition.isolation import client
from recognition.limits import DEFAULT_LIMITS, DecodeLimits
from scanning.models import Container, ScannedFile
from scanning.services.intake import submit_upload
from tests import audio, databases, keeping, pristine, product, scheduling, unread, write_locks
from tests.clocks import follow_this_machine
from tests.factories.accounts import make_user
from tests.markup import checked_answers
from tests.undefined_variables import Undefined

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# Other work on the machine must not fail a property test, nor may chance: the gate draws the
# same few examples each time, and ``--hypothesis-profile explore`` draws many others.
for _profile, _is_fixed, _examples in (("gate", True, 30), ("explore", False, 300)):
    hypothesis.settings.register_profile(
        _profile,
        deadline=None,
        derandomize=_is_fixed,
        max_examples=_examples,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("gate")

_RENDITIONS = Path(django_settings.BASE_DIR) / "var" / "test-renditions"

Worker = Callable[[], None]


# Migrating takes seconds; tests that are not about migrations start from a copy.
CopyDatabase = Callable[[Path], Path]


class MakeClient(Protocol):
    """Makes a client that is signed in with a role."""

    def __call__(self, role: Role) -> Client:
        """Return the client."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer | None) -> LoadScopeScheduling:
    """Keep tests that share a portal in the same process, in the order of collection."""
    config.option.loadscopereorder = False
    return scheduling.FromBothEnds(config, log)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out the tests of what this portal was started without."""
    if collection_path.parent == product.ROOT / "plugins" and collection_path.is_dir():
        installed: list[str] = getattr(django_settings, "ACRPORTAL_PLUGINS", [])
        return collection_path.name not in installed or None
    return None


@pytest.fixture(autouse=True, scope="session")
def jobs_follow_the_clock_of_the_test() -> None:
    """Let tests set the clock, which no database server follows."""
    follow_this_machine()


@pytest.fixture(autouse=True, scope="session")
def static_files_are_listed_once() -> Iterator[None]:
    """Share the list of static files: each test client starts all middleware anew."""
    list_files = WhiteNoiseMiddleware.add_files_from_finders
    fields: dict[tuple[str, bool], dict[str, StaticFile]] = {}

    def once(middleware: WhiteNoiseMiddleware) -> None:
        key = middleware.static_prefix, middleware.autorefresh
        if key not in fields:
            list_files(middleware)
            fields[key] = middleware.files
        middleware.files = fields[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", once)
        yield


@pytest.fixture(autouse=True, scope="session")
def renditions_are_encoded_once() -> Iterator[None]:
    """Encode each sound once for all processes: hundreds of tests scan one of a few tunes.

    As long as the product's code stays the same.
    """
    encode = media.write_proxy
    version = databases.fingerprint_code()
    folder = keeping.folder(_RENDITIONS, version, lambda _folder: None, days=1)

    def once(
        path: Path, target: Path, *, track: int | None = None, limits: DecodeLimits = DEFAULT_LIMITS
    ) -> None:
        which = f"{track}{path.suffix}{limits}".encode()
        made = folder / sha256(which + path.read_bytes()).hexdigest()
        if not made.exists():
            encode(path, target, track=track, limits=limits)
            keeping.copy(target, made)
        shutil.copyfile(made, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(media, "write_proxy", once)
        yield


@pytest.fixture(autouse=True, scope="session")
def hosts_are_started_once() -> Iterator[None]:
    """Keep the processes that children with untrusted files are forked from.

    Each would start Python and load its parser anew, for hundreds of small files.
    """
    hosts: dict[str, client.HostProcess] = {}

    def run_kept(
        request: dict[str, Any],  # Any: JSON
        files: Sequence[int],
        *,
        jobs: str,
        wall_s: float,
        on_message: client.OnMessage,
    ) -> None:
        if jobs not in hosts or not hosts[jobs].usable:
            hosts[jobs] = client.HostProcess(jobs)
        client._attempt(hosts[jobs], request, files, wall_s, on_message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "run_once", run_kept)
        yield
    for host in hosts.values():
        host.close()


@pytest.fixture(autouse=True, scope="session")
def undefined_variables_fail() -> None:
    """Fail the test when a rendered template names an undefined variable."""
    for engine in django_settings.TEMPLATES:
        options = engine["OPTIONS"]
        assert isinstance(options, dict)
        options["string_if_invalid"] = Undefined()


@pytest.fixture(autouse=True, scope="session")
def inline_code_fails() -> Iterator[None]:
    """Fail the test when a page contains inline code or an unknown icon."""
    with checked_answers():
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Name what tests share by the settings as they are before any test."""
    databases.fingerprint_code()
    if not config.getoption("hypothesis_profile"):
        # Constants of the modules that happen to be loaded would change what the gate
        # draws, and each process would read all modules for them.
        providers._get_local_constants = Constants
    databases.fingerprint_schema()
    # For portals in processes of their own; ``data_dir`` says it to this one.
    os.environ["ACRPORTAL_SECOND_FACTOR_ROLES"] = ""
    database = connections["default"]
    if database.vendor == "sqlite":
        # pytest-django gives each process a file, unless the backend is Django's own.
        database.settings_dict["TEST"]["NAME"] = ":memory:"


def pytest_collection() -> None:
    """Let no garbage be looked for while thousands of tests are made, which all stay."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests early."""
    items[:] = scheduling.in_order(items)


def pytest_collection_finish() -> None:
    """Look for garbage again, but rarely, and not among the modules and tests."""
    gc.freeze()
    # Extensions see at the very end that nothing of theirs is left.
    atexit.register(gc.unfreeze)
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Close what a test left unread while it still has its database."""
    with unread.closed_at_the_end():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[None]:
    """Let each process start from a copy of the migrated database.

    Django still looks for migrations that are missing there.
    """
    database = connections["default"]
    if database.vendor == "postgresql":
        database.settings_dict["TEST"]["TEMPLATE"] = databases.TEMPLATE
        yield
        return
    # The stubs lack the method.
    name = database.creation._get_test_db_name()  # type: ignore[attr-defined]
    with databases.in_memory(name):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests that commit put the database back as the migrations left it.

    If no collected test uses the database, there is no database and nothing happens.
    """
    name = str(connections["default"].settings_dict["NAME"])
    if not name.startswith(("test_", "file:")):
        return
    with django_db_blocker.unblock():
        put_back = pristine.keep(connections["default"])

    def teardown(_test: TransactionTestCase) -> None:
        put_back()
        ContentType.objects.clear_cache()

    # Django would empty every table and make permissions and roles anew.
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def copy_database() -> CopyDatabase:
    """Return a function that copies a migrated, empty SQLite database into a folder."""
    migrated = databases.file()

    def copy(folder: Path) -> Path:
        return Path(shutil.copy(migrated, folder / "portal.sqlite3"))

    return copy


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test its own data folder and fast password hashes."""
    # A resource that one test blocks would hold up the jobs of the next ones for 30 s.
    monkeypatch.setattr(resources, "_blocked_until", {})
    settings.ACRPORTAL_DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECURE_SSL_REDIRECT = False
    # Other processes may keep the machine busy.
    settings.ACRPORTAL_SEARCH_SECONDS = 3600.0
    # tests/accounts has the tests of it; all others sign in with a password.
    settings.ACRPORTAL_SECOND_FACTOR_ROLES = []
    # Tests ask faster than people; tests/accounts/test_limits.py turns them on.
    settings.ACRPORTAL_RATE_LIMITS = False
    # Lists of the API show at once what a test has just changed.
    settings.ACRPORTAL_SETTLING_SECONDS = 0
    caches["process"].clear()
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_slow_holds_the_write_lock() -> Iterator[None]:
    """Fail a test whose services do slow work in a write transaction."""
    with write_locks.watched() as holds:
        yield
    assert not holds.take_found()


@pytest.fixture
def run_worker(transactional_db: None) -> Worker:
    """Return a function that does all queued work with the real worker's code."""
    return do_all_work


def do_all_work() -> None:
    """Run a worker until nothing is left to do.

    Regular work is done, too, but only what fails becomes a job: adding, taking and putting
    off all these jobs took most of the time of many tests. ``tests/jobs`` tests them.
    """
    plan = periodic.plan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(periodic, "plan", lambda: None)
        patch.setattr(periodic, "run_now", lambda: _do_regular_work(plan))
        call_command("worker", batch=True)


def _do_regular_work(plan: Callable[[], None]) -> None:
    """Do what regular work does; leave to its job what raises."""
    regular = [kind for kind in all_kinds() if kind.every is not None]
    done = set()
    for kind in regular:
        with suppress(Exception):
            import_string(kind.work)()
            done.add(kind.name)
    if len(done) < len(regular):
        plan()
    Job.objects.filter(kind__in=done, state=JobState.FAILED).delete()
    waiting = Job.objects.filter(kind__in=regular_work(), state=JobState.WAITING)
    waiting.exclude(kind__in=done).update(run_after=clock.now())
    later = clock.now() + timedelta(hours=1)
    waiting.filter(kind__in=done).update(run_after=later)


@pytest.fixture
def signed_in(db: None) -> MakeClient:
    """Return a function that makes a signed-in client of a role."""

    def make(role: Role) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make


@pytest.fixture
def admin(db: None) -> User:
    """Return a user with every permission."""
    return make_user(Role.ADMIN)


@pytest.fixture
def manager(db: None) -> User:
    return make_user(Role.MANAGER)


@pytest.fixture
def reviewer(db: None) -> User:
    return make_user(Role.REVIEWER)


class Catalogue:
    """A bucket with two fingerprinted tunes, and a container that searches it."""

    def __init__(self, user: User, run_worker: Worker) -> None:
        self.bucket: Bucket = create_bucket(name="Test catalogue", user=user)
        self.first = self._add("First tune", seed=1, user=user)
        self.second = self._add("Second tune", seed=2, user=user)
        run_worker()
        self.first.refresh_from_db()
        self.second.refresh_from_db()
        self.container = Container.objects.create(name="Test container")
        self.container.buckets.add(self.bucket)

    def _add(self, title: str, *, seed: int, user: User) -> Recording:
        added = add_recording(
            bucket=self.bucket,
            details=Recording(title=title, custom_id=f"T-{seed}"),
            audio=upload(f"{title}.wav", audio.wav_bytes(audio.tune(seed, 30))),
            user=user,
        )
        # Stored already, so that the worker need not encode it in each test.
        rendition = ContentFile(_rendition(seed))
        added.proxy = default_storage.save(f"proxies/{added.acr_id}.webm", rendition)
        added.save(update_fields=["proxy"])
        return added


@cache
def _rendition(seed: int) -> bytes:
    """Return the rendition of a tune."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "tune.wav", Path(folder) / "proxy.webm"
        source.write_bytes(audio.wav_bytes(audio.tune(seed, 30)))
        media.write_proxy(source, made)
        return made.read_bytes()


@pytest.fixture
def catalogue(admin: User, run_worker: Worker) -> Catalogue:
    """Return a small searchable catalogue."""
    return Catalogue(admin, run_worker)


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    """Return an uploaded file."""
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def submit_sound(container: Container, sound: audio.Samples, user: User | None) -> ScannedFile:
    """Submit a sound file to be scanned."""
    file = upload("programme.wav", audio.wav_bytes(sound))
    return submit_upload(container=container, upload=file, user=user).scanned_file


def add_tune(
    bucket: Bucket, seed: int, seconds: float, *, title: str = "", user: User | None = None
) -> Recording:
    """Add a recording of a tune, which the worker is yet to fingerprint."""
    return add_recording(
        bucket=bucket,
        details=Recording(title=title or f"Tune {seed}"),
        audio=upload("tune.wav", audio.wav_bytes(audio.tune(seed, seconds))),
        user=user,
    )
