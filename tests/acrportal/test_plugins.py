"""Which plug-ins are installed, and what their settings may say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from acrportal.plugins import load_plugins, plugin_names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder of three plug-ins, two of which need the first."""
    folder = tmp_path / "made_up"
    for name, settings in {
        "alarms": 'REQUIRES = ("zones",)\nACRPORTAL_ALARMS = 3\n',
        "zones": 'APPS = ("made_up.zones.maps", "made_up.zones.names")\n',
        "bells": 'REQUIRES = ("zones", "alarms")\nENUMS = {"BellEnum": "bells.Bell"}\n',
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "apps.py").touch()
        (folder / name / "settings.py").write_text(settings)
    (folder / "no_plugin").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("made_up")]:
        del sys.modules[name]


def test_required_plugins_come_first_and_bring_their_settings(folder: Path) -> None:
    names = plugin_names(folder)
    assert names == ["alarms", "bells", "zones"]

    zones, alarms, bells = load_plugins(names, folder)
    assert zones.apps == ("made_up.zones.maps", "made_up.zones.names")
    assert alarms.apps == ("made_up.alarms",)
    assert alarms.settings == {"ACRPORTAL_ALARMS": 3}
    assert bells.enums == {"BellEnum": "bells.Bell"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["alarms"], "alarms requires zones"),
        (["zones", "no_plugin"], "There are: alarms, bells, zones"),
        (["nowhere"], "names nowhere"),
    ],
)
def test_settings_refuse_what_cannot_start(folder: Path, names: list[str], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        load_plugins(names, folder)


def test_plugins_that_require_one_another_are_refused(folder: Path) -> None:
    (folder / "zones" / "settings.py").write_text('REQUIRES = ("bells",)\n')
    with pytest.raises(ImproperlyConfigured, match="require one another"):
        load_plugins(plugin_names(folder), folder)
