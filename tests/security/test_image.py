"""The image, without a registry: the steps of its Dockerfile on a bootstrapped Debian.

Debian's Python stands for that of the base image, which has the same version but for the
last number. The tree is read-only then, but for /data and /tmp, as in ``compose.yaml``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wire.live import ROOT, Server, free_port, wait_until_up
from tests.wire.scene import make_scene, scan

_PROGRAMS = ("debootstrap", "chroot", "unshare", "mount")
# What the base image has of its own.
_BASE = ("python3", "python3-venv", "ca-certificates")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NO_NETWORK = "Failed getting release file"
_VIRTUAL_ENVIRONMENT = "/opt/python"
_ID = 10001
# Mounts as compose makes them; they end with the process, as they are its own.
_MOUNTS = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/data"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/dev/shm"
mount -t proc proc "$1/proc"
shift 2
exec "$@"
"""


def _why_not() -> str:
    if os.geteuid() != 0:
        return "needs root"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"needs {', '.join(missing)}"
    return ""


@dataclass
class Steps:
    """What a Dockerfile says."""

    release: str = ""
    env: dict[str, str] = field(default_factory=dict)
    work_dir: str = "/"
    runs: list[tuple[str, str]] = field(default_factory=list)
    """``RUN`` and ``COPY`` in their order."""
    command: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Steps:
        """Read a Dockerfile; a line that nothing here understands is an error."""
        steps = cls()
        text = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        for line in filter(None, text.replace("\\\n", " ").splitlines()):
            word, _space, arguments = line.partition(" ")
            if word == "FROM":
                steps.release = arguments.rpartition("-")[2]
            elif word == "ENV":
                steps.env |= dict(pair.split("=", 1) for pair in shlex.split(arguments))
            elif word == "WORKDIR":
                steps.work_dir = arguments
            elif word in ("RUN", "COPY"):
                steps.runs.append((word, arguments))
            elif word in ("ENTRYPOINT", "CMD"):
                steps.command += re.findall(r'"([^"]+)"', arguments)
            else:
                assert (word, arguments) in {
                    *(("USER", "acrportal"), ("VOLUME", "/data"), ("EXPOSE", "8000"))
                }, line
        return steps


@dataclass(frozen=True)
class Image:
    """A tree in which the steps ran, and the folder that is its volume."""

    steps: Steps
    tree: Path
    volume: Path

    def command(self, *words: str, **settings: str) -> list[str]:
        """Return the command line of a process as the container starts it."""
        variables = {**_path(), **self.steps.env, **settings}
        return [
            *("unshare", "--mount", "sh", "-c", _MOUNTS, "sh", str(self.tree), str(self.volume)),
            *("chroot", f"--userspec={_ID}:{_ID}", str(self.tree), "env", "-i"),
            *(f"{name}={text}" for name, text in variables.items()),
            *("sh", "-c", f'cd {self.steps.work_dir} && exec "$@"', "sh", *words),
        ]

    def manage(self, *arguments: str, **settings: str) -> str:
        """Run a management command in a container of its own."""
        words = [*self.steps.command[:2], *arguments]
        return _run(self.command(*words, **settings))


def _path() -> dict[str, str]:
    return {"PATH": f"{_VIRTUAL_ENVIRONMENT}/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _run(command: list[str], cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, f"{command[-1]}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def _copy_context(target: Path) -> None:
    """Copy what git knows, as a fresh clone has it, but for what .dockerignore leaves out."""
    listing = _run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    )
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
            # The modes of a clone.
            is_program = (ROOT / name).stat().st_mode & 0o100
            (target / name).chmod(0o755 if is_program else 0o644)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Build the image."""
    if reason := _why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("image")
    # As where images are built: the portal's own would hide the tree from its account.
    before = os.umask(0o022)
    try:
        yield _build(folder)
    finally:
        os.umask(before)
        shutil.rmtree(folder)


def _build(folder: Path) -> Image:
    tree, volume = folder / "tree", folder / "volume"
    steps = Steps.read(ROOT / "deploy" / "Dockerfile")
    base = ["debootstrap", "--variant=minbase", f"--include={','.join(_BASE)}", steps.release]
    made = subprocess.run([*base, str(tree)], capture_output=True, text=True, check=False)
    if _NO_NETWORK in made.stdout + made.stderr:
        pytest.skip(f"needs Debian's packages: {made.stderr}")
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr
    # Where a proxy of this machine reads along, its authority is in this file.
    shutil.copy(_CERTIFICATES, tree / _CERTIFICATES.relative_to("/"))
    shutil.copy("/etc/resolv.conf", tree / "etc" / "resolv.conf")
    _run(["chroot", str(tree), "python3", "-m", "venv", _VIRTUAL_ENVIRONMENT])
    work_dir = tree / steps.work_dir.lstrip("/")
    work_dir.mkdir(parents=True)
    proxies = {name: text for name, text in os.environ.items() if name.lower().endswith("_proxy")}
    building = {**_path(), **proxies, "PIP_CERT": str(_CERTIFICATES), **steps.env}
    for word, arguments in steps.runs:
        if (word, arguments) == ("COPY", ". ."):
            _copy_context(work_dir)
        elif word == "COPY":
            source, target = arguments.split()
            (work_dir / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, work_dir / target)
        else:
            variables = [f"{name}={text}" for name, text in building.items()]
            inside = f"cd {steps.work_dir} && {arguments}"
            _run(["chroot", str(tree), "env", "-i", *variables, "sh", "-ec", inside])
    # A new volume begins with what the image has there.
    shutil.move(tree / "data", volume)
    (tree / "data").mkdir()
    return Image(steps, tree, volume)


@contextmanager
def _serving(image: Image, port: int, settings: dict[str, str]) -> Iterator[int]:
    words = [*image.steps.command, "--port", str(port)]
    log = image.volume.with_name("serve.log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            image.command(*words, **settings), stdout=file, stderr=subprocess.STDOUT
        )
        try:
            wait_until_up(f"http://127.0.0.1:{port}", process)
            yield process.pid
        finally:
            process.terminate()
            assert process.wait(timeout=120) in (0, -15), log.read_text()[-4000:]


@pytest.mark.soak  # bootstraps a Debian and installs all packages: minutes
@pytest.mark.slow
def test_the_image_serves_and_scans_from_a_read_only_tree(image: Image) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = {
        "ACRPORTAL_BASE_URL": base,
        "ACRPORTAL_HTTPS": "off",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": "only for this test, and long enough",
        "WEB_CONCURRENCY": "1",
    }
    image.manage("migrate", "--verbosity", "0", **settings)
    token = image.manage("create_api_token", "--username=client", "--scope=all", **settings)

    with _serving(image, port, settings) as pid:
        status = Path(f"/proc/{pid}/status").read_text()
        server = Server(base, token.split()[-1], settings, image.volume, pid)
        ready = server.call("GET", "/readyz")
        scene = make_scene(server)
        file = scan(server, scene)

    assert re.search(rf"^Uid:(\t{_ID}){{4}}$", status, re.MULTILINE)
    assert ready.status_code == 200
    assert file["results"]["custom_files"][0]["result"]["title"] == "Castle"
    touch = image.command("touch", f"{image.steps.work_dir}/new")
    assert "Read-only file system" in subprocess.run(touch, capture_output=True, text=True).stderr
