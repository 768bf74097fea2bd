"""Checks that the core does not need its plug-ins: ``python -m tests.without [NAME]``.

In a copy of the tree without the plug-in and those that require it, or without any, all
checks of the product hold and all tests can be collected; and no other file names it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from acrportal.plugins import load_plugins, plugin_names
from tests.product import ROOT

_BIN = Path(sys.executable).parent
_PLUGINS = ROOT / "plugins"
_MANAGE = (sys.executable, "manage.py")
_CHECKS = (
    (*_MANAGE, "check", "--fail-level", "WARNING"),
    (*_MANAGE, "makemigrations", "--check", "--dry-run"),
    (*_MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
    (str(_BIN / "lint-imports"),),
    (sys.executable, "-m", "pytest", "--collect-only", "-qq"),
)


def main() -> int:
    """Return 0 if everything holds, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", help="a plug-in; all of them without it")
    name = parser.parse_args().name
    names = plugin_names(_PLUGINS)
    if name and name not in names:
        parser.error(f"there is no plug-in {name}, only {', '.join(names) or 'none'}")
    gone = _with_those_that_require(name) if name else set(names)
    faults = [fault for plugin in sorted(gone) for fault in _mentions(plugin)]
    with tempfile.TemporaryDirectory(prefix="without-", dir=ROOT / "var") as folder:
        tree = Path(folder)
        link_without(tree, gone)
        environment = os.environ | {"ACRPORTAL_DATA_DIR": str(tree / "var")}
        for command in _CHECKS:
            done = subprocess.run(
                command, cwd=tree, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                faults.append(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    sys.stdout.write("\n".join([*faults, f"Without {', '.join(sorted(gone))}\n"]))
    return bool(faults)


def _with_those_that_require(name: str) -> set[str]:
    """Return a plug-in, and all that cannot be installed without it."""
    gone = {name}
    # Required ones come first.
    for plugin in load_plugins(plugin_names(_PLUGINS), _PLUGINS):
        if not gone.isdisjoint(plugin.requires):
            gone.add(plugin.name)
    return gone


def _tracked() -> Iterator[Path]:
    """Yield the files of the tree, also those that are not committed yet."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in files.stdout.splitlines():
        if (ROOT / name).is_file():
            yield Path(name)


def _mentions(name: str) -> Iterator[str]:
    """Yield the files of the core that name a plug-in."""
    named = re.compile(rf"\bplugins[./]{name}\b".encode())
    for path in _tracked():
        # Catalogues say where each text stands, and a stored release what it had.
        is_record = path.parts[0] == "locale" or path.match("tests/released/*/*")
        if path.parts[0] != "plugins" and not is_record and named.search(_content(path)):
            yield f"{path} names plugins.{name}"


def _content(path: Path) -> bytes:
    return (ROOT / path).read_bytes()


def link_without(tree: Path, gone: set[str]) -> None:
    """Make a tree of the same files, and of what Python and pytest compiled of them.

    Whoever compiles a file anew replaces the link, not what it leads to.
    """
    for path in _tracked():
        if path.parts[0] == "plugins" and gone.intersection(path.parts[1:2]):
            continue
        compiled = (ROOT / path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
        for file in (path, *(file.relative_to(ROOT) for file in compiled)):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            os.link(ROOT / file, tree / file)
    (tree / "var").mkdir(exist_ok=True)
    shutil.copy(ROOT / "var" / "secret_key", tree / "var" / "secret_key")


if __name__ == "__main__":
    sys.exit(main())
