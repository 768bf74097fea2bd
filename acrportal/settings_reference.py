"""Writes the tables of settings: ``python -m acrportal.settings_reference``.

Names, order and defaults come from the calls in settings.py that read the environment.
The descriptions are kept from the existing tables: that of docs/configuration.md, and
that of the guide of each plug-in that has settings of its own.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "configuration.md"
_SETTINGS = ROOT / "acrportal" / "settings.py"
_ROW = re.compile(r"^\|`(\w+)`\|([^|\n]*)\|(.*)\|$", re.MULTILINE)
_TABLE = re.compile(r"^\|Setting\|.*\n(?:\|.*\n)+", re.MULTILINE)
_HEAD = "|Setting|Default|Meaning|\n|-|-|-|\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable that settings.py reads, with its default as in an .env file.

    The default is None if it is computed; the table describes it in words.
    """

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class MeaningMissing(Exception):
    """Some settings have no description in the table."""

    names: list[str]


def tables() -> dict[Path, list[Setting]]:
    """Return the settings that each page describes."""
    by_page = {PAGE: settings_read()}
    for path in sorted((ROOT / "plugins").glob("*/settings.py")):
        if settings := settings_read(path):
            by_page[_page_of(path.parent)] = settings
    return by_page


def _page_of(plugin: Path) -> Path:
    """Return the guide of the plug-in that has a table of settings."""
    for page in sorted((plugin / "docs").glob("*.md")):
        if _TABLE.search(page.read_text(encoding="utf-8")):
            return page
    sys.exit(f"Add a table to a guide of {plugin.name} that begins with: {_HEAD}")


def settings_read(path: Path = _SETTINGS) -> list[Setting]:
    """Return the variables that a module of settings reads, in order."""
    source = path.read_text(encoding="utf-8")
    # The calls ``env.kind("NAME", …)``.
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
    ]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [_setting_of(call) for call in calls]


def page(text: str, read: Sequence[Setting]) -> str:
    """Return the page with its table regenerated."""
    existing = {name: (words, meaning) for name, words, meaning in _ROW.findall(text)}
    if missing := [setting.name for setting in read if setting.name not in existing]:
        raise MeaningMissing(missing)
    rows = ""
    for setting in read:
        words, meaning = existing[setting.name]
        default = words if setting.default is None else _format_default(setting.default, words)
        rows += f"|`{setting.name}`|{default}|{meaning}|\n"
    return _TABLE.sub(lambda _: f"{_HEAD}{rows}", text)


def _format_default(default: str, words: str) -> str:
    if not default:
        return words if words in ("empty", "none") else "empty"
    bare = default in ("on", "off") or default.lstrip("-").isdigit()
    return default if bare else f"`{default}`"


def _setting_of(call: ast.Call) -> Setting:
    name = ast.literal_eval(call.args[0])
    keywords = [word.value for word in call.keywords if word.arg == "default"]
    default = (call.args[1:2] or keywords)[0]
    try:
        value = _value_of(default)
    except ValueError:
        return Setting(name, None)
    return Setting(name, _as_written(value))


def _value_of(node: ast.expr) -> object:
    """Evaluate an expression of literals."""
    if isinstance(node, ast.BinOp):
        left, right = _value_of(node.left), _value_of(node.right)
        if isinstance(left, int) and isinstance(right, int):
            return left**right if isinstance(node.op, ast.Pow) else left * right
    value: object = ast.literal_eval(node)
    return value


def _as_written(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if value not in ({}, None) else ""


def main() -> None:
    """Write the tables."""
    for path, settings in tables().items():
        try:
            made = page(path.read_text(encoding="utf-8"), settings)
        except MeaningMissing as missing:
            sys.exit(f"Add a row to {path.name} that describes: {missing.names}")
        path.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()
