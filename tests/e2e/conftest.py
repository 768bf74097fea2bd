"""A whole portal on this machine, as users have it: web server, worker, demo data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import databases, keeping
from tests.fixtures import CopyDatabase
from tests.processes import Shell
from tests.wire.live import free_port, serving

# For every module: Playwright uses the last value that was set. Other tests may keep
# the machine busy.
expect.set_options(timeout=45_000)
PATIENCE_MS = 90_000  # for playback and for a worker's results
# The server may close a connection that was idle just as a request is sent on it.
_RETRIES = 3

_DEMOS = Path(django_settings.BASE_DIR) / "var" / "test-demos"
# The shell without a window of its own takes less than half the processor time.
_CHROMIUM = (
    shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
)
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One process draws all pages; otherwise each page starts its own.
    "--renderer-process-limit=1",
    "--disable-features=IsolateOrigins,site-per-process",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal's address, its accounts, and the cookies of who has signed in."""

    url: str
    passwords: dict[str, str]
    data_dir: Path
    cookies: dict[str, list[Any]]  # Any: as Playwright has them
    shell: Shell


Serve = Callable[[int, Mapping[str, str]], AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture(scope="package")
def portal(
    tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase
) -> Iterator[Portal]:
    """Serve a copy of the demo until the last browser test."""
    with demo_portal(tmp_path_factory, copy_database, serving) as made:
        yield made


@contextmanager
def demo_portal(
    tmp_path_factory: pytest.TempPathFactory, copy_database: CopyDatabase, serve: Serve
) -> Iterator[Portal]:
    """Serve a copy of the demo in the block."""
    if _CHROMIUM is None:
        pytest.skip("no Chromium on this machine")

    def make(folder: Path) -> None:
        copy_database(folder)
        run = [sys.executable, "manage.py", "run_demo", "--no-serve"]
        environment = _environment(folder, "http://127.0.0.1")
        subprocess.run(run, env=environment, cwd=django_settings.BASE_DIR, check=True)

    # Two processes serve one. Its matches are due from today on.
    version = f"{databases.fingerprint_code()}-{datetime.now(tz=UTC):%Y%m%d}"
    demo = keeping.folder(_DEMOS, version, make, days=1)
    data_dir = tmp_path_factory.mktemp("portals") / "portal"
    shutil.copytree(demo, data_dir)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    logins = json.loads((data_dir / "demo" / "logins.json").read_text())
    environment = _environment(data_dir, url)
    shell = Shell(environment)
    with serve(port, environment) as server, closing(shell):
        passwords = {login["username"]: login["password"] for login in logins}
        yield Portal(url, passwords, data_dir, {}, shell)
    assert server.returncode == 0


def _environment(data_dir: Path, url: str) -> dict[str, str]:
    environment = os.environ | {
        "ACRPORTAL_DATA_DIR": str(data_dir),
        "ACRPORTAL_BASE_URL": url,
        "ACRPORTAL_HTTPS": "off",
        "SECRET_KEY": "only for this test, and long enough",
        "LOG_LEVEL": "WARNING",
        # tests/acrportal/test_web_processes.py has several.
        "WEB_CONCURRENCY": "1",
    }
    environment.pop("DATABASE_URL", None)
    return environment


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start Chromium once."""
    if _CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    # Playwright's event loop seems to run between calls too, and Django then refuses
    # database access.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Provide a new page that fails the test on any console error."""
    context = browser.new_context(base_url=portal.url)
    opened = context.new_page()
    faults: list[str] = []
    opened.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    opened.on(
        "response",
        lambda answer: (
            faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        ),
    )
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    context.close()
    assert not faults, faults


def sign_in(page: Page, portal: Portal, username: str) -> None:
    """Sign the page's browser in, without opening a page.

    One session serves all tests until one of them ends it: a password takes the portal
    long to check.
    """
    # No fault of ``page``: only what the browser itself asks for is one.
    context, address = page.context, f"{portal.url}/accounts/login/"
    context.add_cookies(portal.cookies.get(username, []))
    form = context.request.get(address, max_redirects=0, max_retries=_RETRIES)
    if form.status == 302:
        return
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text())
    assert token is not None
    answer = context.request.post(
        address,
        form={
            "csrfmiddlewaretoken": token[1],
            "username": username,
            "password": portal.passwords[username],
        },
        headers={"Referer": address},
        max_redirects=0,
        max_retries=_RETRIES,
    )
    assert answer.status == 302, answer.text()[:2000]
    portal.cookies[username] = context.cookies()


@pytest.fixture(scope="package")
def office(browser: Browser, portal: Portal) -> Iterator[Page]:
    """Return a page from which forms are sent between the tests."""
    with browser.new_context(base_url=portal.url) as context:
        yield context.new_page()


@pytest.fixture
def restored(office: Page, portal: Portal) -> Iterator[list[str]]:
    """Undo, after the test, what the test did to the listed matches."""
    touched: list[str] = []
    yield touched
    if not touched:
        return
    sign_in(office, portal, "mira")
    for uid in touched:
        current = state_of(office, uid)
        if current["state"] == "in_review":
            post(office, f"/m/{uid}/release", {})
        elif current["state"] != "pending":
            fields = {"verb": "undo", "version": current["version"], "agreed": "yes"}
            post(office, f"/m/{uid}/decide", fields)


@pytest.fixture
def second_browser(browser: Browser, portal: Portal) -> Iterator[BrowserContext]:
    """Return a second person's browser."""
    context = browser.new_context(base_url=portal.url)
    yield context
    context.close()


def state_of(page: Page, uid: str) -> dict[str, Any]:  # Any: JSON of the lock
    """Ask for a match's state and lock without touching the open page."""
    address = f"/m/{uid}/lock"
    headers = {"Accept": "application/json"}
    answer = page.context.request.get(address, headers=headers, max_retries=_RETRIES)
    state: dict[str, Any] = answer.json()  # Any: as above
    return state


def post(page: Page, path: str, fields: Mapping[str, str | float]) -> int:
    """Send a form without touching the open page; return the answer's status."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    headers = {"X-CSRFToken": cookies["csrftoken"], "Accept": "application/json"}
    answer = page.context.request.post(
        path, form=dict(fields), headers=headers, max_retries=_RETRIES
    )
    return answer.status


def uid_of(page: Page) -> str:
    return page.locator("#review").get_attribute("data-uid") or ""


def wait_until_in(page: Page, uid: str, state: str) -> None:
    """Wait until the match has the state on the server."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    headers = {"Accept": "application/json"}
    while True:
        address = f"/m/{uid}/lock"
        answer = page.request.get(address, headers=headers, max_retries=_RETRIES)
        body = answer.json()
        if body["state"] == state:
            return
        assert time.monotonic() < deadline, f"{uid} is {body['state']}, not {state}"
        page.wait_for_timeout(200)


def open_first(page: Page, query: str = "") -> str:
    """Open the first match of the queue by keyboard; return its uid."""
    page.goto(f"/queue/{query}")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/m/**")
    page.wait_for_load_state("networkidle")
    return uid_of(page)
