"""The engine installs and works alone: its own packages, its dependencies, no Django."""

from __future__ import annotations

import ast
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

import recognition
from recognition.__main__ import main
from recognition.fingerprints import hashes
from recognition.index import packing
from recognition.version import VERSION
from tests.processes import python

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recognition"
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))
# numba imports llvmlite; the others need nothing else at run time.
NEEDED = ("numpy", "scipy", "numba", "llvmlite", "av")


def test_all_packages_are_named() -> None:
    packages = {
        module.name
        for module in pkgutil.walk_packages(recognition.__path__, "recognition.")
        if module.ispkg
    }

    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages | {"recognition"}


def test_the_public_names_are_there() -> None:
    assert {name: getattr(recognition, name) for name in recognition.__all__}
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        recognition.unknown  # noqa: B018 - asking is the test


def test_nothing_else_is_imported() -> None:
    ours = {"recognition", "numpy", "scipy", "numba", "llvmlite", "av"}
    imported = {
        name.partition(".")[0] for path in FOLDER.rglob("*.py") for name in imports_of(path)
    }

    assert imported - ours <= set(sys.stdlib_module_names)
    assert {
        requirement.partition(">")[0] for requirement in PROJECT["project"]["dependencies"]
    } == imported & ours - {"recognition", "llvmlite"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_the_readme_shows_only_what_the_command_has(capsys: pytest.CaptureFixture[str]) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")

    with pytest.raises(SystemExit):
        main(["--help"])

    commands = {line.split()[1] for line in text.splitlines() if line.startswith("acrfp ")}
    assert commands
    assert commands <= set(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, since a build leaves its folders behind."""
    copy = tmp_path_factory.mktemp("source") / "recognition"
    shutil.copytree(
        FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    out = copy.parent / "wheel"
    built = python("-m", "pip", "wheel", "--no-deps", "-w", str(out), str(copy))
    if built.returncode and "No matching distribution found" in built.stderr:
        pytest.skip("no package index has setuptools, which builds the wheel")
    assert built.returncode == 0, built.stderr
    return next(out.iterdir())


@pytest.mark.soak  # builds in an environment of its own
def test_the_wheel_works_without_the_portal(wheel: Path, tmp_path: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"recognition-{VERSION}-py3-none-any.whl"
    assert "recognition/py.typed" in names
    assert not [name for name in names if "test" in name]

    environment = tmp_path / "env"
    venv.create(environment, symlinks=True, with_pip=True)
    lend_dependencies(environment)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    lend_compiled_code(environment)
    demo = ROOT / "demo" / "castle.opus"
    command = environment / "bin" / "acrfp"
    made = run(command, "make", demo, "-o", tmp_path / "out", "--json")
    run(command, "add", "--index", tmp_path / "index", tmp_path / "out/castle.opus.acrfp")
    scanned = run(command, "scan", "--index", tmp_path / "index", demo, "--json")

    assert '"status": "made"' in made
    assert '"recording_id": "castle.opus"' in scanned
    assert VERSION in run(command, "--version")
    missing = "import importlib.util as u; print(u.find_spec('django'))"
    assert run(python, "-c", missing) == "None\n"


def lend_dependencies(environment: Path) -> None:
    """Link the installed dependencies, and nothing else, into an environment."""
    [packages] = environment.glob("lib/python*/site-packages")
    for name in NEEDED:
        dist = distribution(name)
        for top in {file.parts[0] for file in dist.files or ()} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(dist.locate_file(top))))


def lend_compiled_code(environment: Path) -> None:
    """Copy what Numba compiled from the same files, which takes it a minute.

    Numba compiles again where a file's size or time differs from its own.
    """
    [installed] = environment.glob("lib/python*/site-packages/recognition")
    for path in installed.rglob("*.py"):
        shutil.copystat(FOLDER / path.relative_to(installed), path)
    # Any: typed as the function that was compiled. One of each folder.
    folders: list[tuple[str, Any]] = [(".", hashes.mix), ("index", packing.page_sum)]
    for name, function in folders:
        compiled_in = Path(function.dispatcher._cache.cache_path)
        if compiled_in.is_dir():
            cache = installed / name / "__pycache__"
            shutil.copytree(compiled_in, cache, dirs_exist_ok=True)


def run(*command: str | Path) -> str:
    # Neither the portal's folder nor its settings are in reach.
    done = subprocess.run(
        list(map(str, command)),
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
