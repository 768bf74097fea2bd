"""Fixtures that several tests of scanning share."""

from __future__ import annotations

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from scanning.choices import EngineChoice
from scanning.models import CloudAccount, Container, FormSent
from scanning.services import cloud
from tests.scanning.podcast import Podcast
from tests.scanning.vendor import AnyPath, Vendor, remote_file


@pytest.fixture
def empty(transactional_db: None) -> Container:
    return Container.objects.create(name="Empty")


@pytest.fixture
def vendor(transactional_db: None, httpserver: HTTPServer, settings: Settings) -> Vendor:
    """Return a scripted cloud with an account and a linked container."""
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 0.0
    account = cloud.save_account(
        account=CloudAccount(
            name="Vendor", base_url=httpserver.url_for("/api"), sends=FormSent.AUDIO_ALWAYS
        ),
        token="the-token",
        user=None,
    )
    container = Container.objects.create(
        name="Cloud", engine=EngineChoice.ACRCLOUD, cloud_account=account, cloud_container_id=77
    )
    running = Vendor(account, container, remote_file(0))
    httpserver.expect_request(AnyPath()).respond_with_handler(running.answer)
    return running


@pytest.fixture
def podcast(httpserver: HTTPServer, settings: Settings) -> Podcast:
    """Return a podcast with three episodes, the newest first."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    feed = Podcast(httpserver.url_for("/feed"), ["three", "two", "one"])
    httpserver.expect_request("/feed").respond_with_handler(feed.answer)
    return feed
