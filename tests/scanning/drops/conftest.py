"""A drop in a folder that the settings allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from base.accounts.models import User
from scanning.models import Container
from tests.factories.scanning import ContainerFactory
from tests.scanning.drops.incoming import Incoming, allow_drops, drop_in


@pytest.fixture
def roots(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """Return a folder below which drops may lie; files settle at the second poll."""
    return allow_drops(tmp_path_factory.mktemp("drops"), settings)


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


@pytest.fixture
def incoming(roots: Path, container: Container, manager: User) -> Incoming:
    """Return a drop with an empty folder."""
    folder = roots / "radio"
    folder.mkdir()
    return Incoming(folder, drop_in(str(folder), container, manager))
