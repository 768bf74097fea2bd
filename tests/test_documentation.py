"""The documents' settings, commands and version pins are correct."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands

from acrportal import settings_reference
from base.common.phrases import own_apps

ROOT = Path(settings.BASE_DIR)


def _documents() -> list[Path]:
    return [*ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/docs/*.md")]


def test_every_setting_is_in_the_example_file_with_its_default() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    lines = re.findall(r"^#?([A-Z_]+)=(.*?) +# .+$", text, re.MULTILINE)
    fields, read = dict(lines), settings_reference.settings_read()

    assert set(fields) == {setting.name for setting in read}
    assert {
        setting.name: fields[setting.name] for setting in read if setting.default is not None
    } == {setting.name: setting.default for setting in read if setting.default is not None}


def test_the_tables_of_settings_are_what_the_settings_read() -> None:
    for path, read in settings_reference.tables().items():
        text = path.read_text(encoding="utf-8")
        assert settings_reference.page(text, read) == text, (
            f"{path.name}: run: python -m acrportal.settings_reference"
        )


def test_every_own_command_is_documented() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in _documents())
    ours = {app.name for app in own_apps()}
    own = {name for name, app in get_commands().items() if app in ours}

    assert not {name for name in own if f"manage.py {name}" not in text}


def test_run_time_pins_are_those_that_were_tested() -> None:
    def pins(path: str) -> dict[str, str]:
        text = (ROOT / path).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9_.-]+)==([^\s\\]+)", text, re.MULTILINE))

    tested, run_time = pins("requirements.txt"), pins("requirements/runtime.txt")

    assert run_time
    assert {name: tested.get(name) for name in run_time} == run_time


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*_documents(), *ROOT.glob("*.md"), ROOT / "demo/CREDITS.md"]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert not broken
