"""Uses the command ``acrfp`` as a partner does: installed alone, then sending to a portal.

``python -m benchmarks.acrfp [--files 100] [--kill-after 20] [--minutes 10]
[--olaf FILE] [--audfprint COMMAND] [--check]`` makes an empty virtual environment,
installs ``recognition/`` into it from the package index of pip, and fingerprints a folder
of pieces of the demo's music, one of which is broken. It kills the command with SIGKILL
on the way, runs it again, sends all fingerprints to a portal that has the music in its
catalogue, and counts the matches there. Longer files then show how much audio an hour one
core fingerprints, beside ``fpcalc``, if it is installed, and the programs that are named
(docs/benchmarks.md says how to build them). ``--check`` exits with 1 unless all arrive
once and are found.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from benchmarks.corpus import Track
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.sound import RATE
from tests.wire.federation import add_recording
from tests.wire.live import DEMO, ROOT, Server, running_server, wait_for

_SECONDS = 12
_LONG_FILES = 10

# Any in this module: JSON.
Line = dict[str, Any]


class Partner:
    """A machine with nothing but Python, and what is installed there."""

    def __init__(self, work: Path) -> None:
        self.home = work / "home"
        self.home.mkdir()
        self._environment = work / "environment"
        venv.create(self._environment, with_pip=True)
        self.command = self._environment / "bin" / "acrfp"

    def install(self, work: Path) -> float:
        """Install the package with its dependencies; return the seconds it took."""
        # A build leaves folders behind, so it gets a copy.
        source = work / "recognition"
        shutil.copytree(ROOT / "recognition", source, ignore=shutil.ignore_patterns("__pycache__"))
        begun = time.perf_counter()
        pip = [str(self._environment / "bin" / "python"), "-m", "pip", "-q", "install"]
        subprocess.run([*pip, str(source)], check=True)
        return time.perf_counter() - begun

    def start(self, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
        """Start ``acrfp`` with an environment of its own."""
        return subprocess.Popen(
            [str(self.command), *map(str, arguments)],
            cwd=self.home,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, **variables: str) -> tuple[int, list[Line]]:
        """Run ``acrfp``; return its exit code and its lines."""
        with self.start(*arguments, "--json", **variables) as process:
            out, _ = process.communicate()
        return process.returncode, [json.loads(line) for line in out.splitlines()]


def main(argv: Sequence[str] | None = None) -> int:
    """Run everything and print what it took."""
    made = parser("Use acrfp in an empty environment, and send to a portal.")
    made.add_argument("--files", type=int, default=100)
    made.add_argument("--kill-after", type=int, default=20, help="files made by then")
    made.add_argument("--minutes", type=int, default=10, help="length of each long file")
    made.add_argument("--olaf", type=Path, metavar="FILE", help="Olaf's olaf_core")
    made.add_argument("--audfprint", metavar="COMMAND", help="such as 'python DIR/audfprint.py'")
    args = made.parse_args(argv)
    report = Report()
    report.title("acrfp in an empty environment")
    report.line(machine())
    with workplace() as folder:
        work = Path(folder)
        sounds, out = work / "sounds", work / "fingerprints"
        tracks = music(None, work)
        titles = _write_sounds(tracks, sounds, args.files)
        partner = Partner(work)
        seconds = partner.install(work)
        report.line(f"installed with its dependencies in {seconds:.0f} s")
        begun = time.perf_counter()
        partner.run("make", next(sounds.glob("*.wav")), "-o", work / "first")
        report.line(f"first file, compiling: {time.perf_counter() - begun:.1f} s")
        begun = time.perf_counter()
        subprocess.run([partner.command, "--version"], check=True)
        report.line(f"acrfp --version: {time.perf_counter() - begun:.2f} s")
        _make(report, partner, sounds, out, args)
        _time_programs(report, partner, work, tracks, args)
        (work / "portal").mkdir()
        with running_server(work / "portal") as portal:
            _send(report, partner, portal, out, titles)
    return report.end(checked=args.check)


def _write_sounds(tracks: Sequence[Track], sounds: Path, files: int) -> dict[str, str]:
    """Write pieces of the demo's music and a broken file; return the title of each."""
    sounds.mkdir()
    titles = {}
    for number in range(files - 1):
        track = tracks[number % len(tracks)]
        begin = number // len(tracks) * 7 * RATE
        name = f"{number:03d}.wav"
        part = track.samples()[begin : begin + _SECONDS * RATE]
        wavfile.write(sounds / name, RATE, (32767 * part).astype(np.int16))
        titles[name] = track.name
    (sounds / "broken.wav").write_bytes(b"RIFF, but no sound")
    return titles


def _make(
    report: Report, partner: Partner, sounds: Path, out: Path, args: Any
) -> None:  # Any: argparse's own type
    """Make the fingerprints, with a kill on the way."""
    with partner.start("make", "-r", sounds, "-o", out, "--json") as process:
        assert process.stdout is not None
        for _ in range(args.kill_after):
            process.stdout.readline()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    whole = len(list(out.glob("*.acrfp")))
    begun = time.perf_counter()
    code, lines = partner.run("make", "-r", sounds, "-o", out)
    seconds = time.perf_counter() - begun
    counts = Counter(line["status"] for line in lines)
    report.line(
        f"killed after {whole} files; again: exit code {code}, {dict(counts)}, {seconds:.1f} s"
    )
    report.check("one file is broken", reached=code == 1 and counts["failed"] == 1)
    report.check("no file is made twice", reached=counts["skipped"] == whole)
    made = counts["skipped"] + counts["made"]
    report.check("all others are made", reached=made == args.files - 1)
    size = sum(path.stat().st_size for path in out.glob("*.acrfp"))
    report.line(f"{made} fingerprints of {_SECONDS} s: {size / made / 1000:.1f} kB each")


def _time_programs(
    report: Report, partner: Partner, work: Path, tracks: Sequence[Track], args: Any
) -> None:  # Any: argparse's own type
    """Print how much audio each program fingerprints in an hour of one core.

    All read the same WAV files, 16 kHz and mono. Olaf reads bare samples and saves the
    decoding; Olaf and audfprint also write an index.
    """
    sounds = work / "long"
    paths = _write_long(sounds, tracks, args.minutes)
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    make = [str(partner.command), "make", "--processes", "1"]
    programs = {"acrfp make": [[*make, "-o", str(work / "made"), *paths]]}
    if shutil.which("fpcalc"):
        # It counts the end of a file as an error of decoding.
        programs["fpcalc"] = [["fpcalc", "-ignore-errors", "-raw", "-length", "0", *paths]]
    if args.olaf:
        program = str(args.olaf.resolve())
        (work / ".olaf" / "db").mkdir(parents=True)
        programs["Olaf"] = [
            [program, "store", _bare_samples(path), Path(path).stem] for path in paths
        ]
    if args.audfprint:
        command = shlex.split(args.audfprint)
        database = str(work / "audfprint.pklz")
        programs["audfprint"] = [[*command, "new", "-d", database, *paths]]
    report.line(f"{len(paths)} files of {args.minutes} minutes, one core each:")
    for name, calls in programs.items():
        begun = os.times()
        for call in calls:
            environment = os.environ | one_core | {"HOME": str(work)}
            subprocess.run(call, check=True, capture_output=True, env=environment)
        ended = os.times()
        used = ended.children_user + ended.children_system
        used -= begun.children_user + begun.children_system
        hours = len(paths) * args.minutes / 60
        report.line(
            f"{name}: {used:.1f} s of processor time, {hours * 3600 / used:.0f} hours of "
            "audio an hour"
        )


def _write_long(sounds: Path, tracks: Sequence[Track], minutes: int) -> list[str]:
    """Write ten files of the demo's music, each begun at another place."""
    sounds.mkdir()
    music_of_demo = np.concatenate([track.samples() for track in tracks])
    paths = []
    for number in range(_LONG_FILES):
        begin = number * len(music_of_demo) // _LONG_FILES
        part = np.resize(np.roll(music_of_demo, -begin), minutes * 60 * RATE)
        path = sounds / f"{number}.wav"
        wavfile.write(path, RATE, (32767 * part).astype(np.int16))
        paths.append(str(path))
    return paths


def _bare_samples(path: str) -> str:
    """Write the samples of a WAV file as Olaf reads them; return the new path."""
    _, samples = wavfile.read(path)
    raw = Path(path).with_suffix(".raw")
    raw.write_bytes((samples / np.float32(32768)).astype("<f4").tobytes())
    return str(raw)


def _send(
    report: Report, partner: Partner, portal: Server, out: Path, titles: dict[str, str]
) -> None:
    """Send all fingerprints, twice, and count what the portal found in them."""
    fields: Line = {"name": "music", "type": "File", "region": "eu-west-1"}
    bucket = portal.call("POST", "/api/buckets", json=fields).json()["data"]["id"]
    for title in sorted(set(titles.values())):
        add_recording(portal, bucket, title, (DEMO / title).read_bytes())
    fields = {"name": "partner", "region": "eu-west-1", "buckets": [bucket], "engine": 1}
    made = portal.call("POST", "/api/fs-containers", json=fields)
    container = made.json()["data"]["id"]
    access = {"ACRFP_SERVER": portal.base, "ACRFP_TOKEN": portal.token}
    arguments = ("send", "-r", out, "--container", str(container))
    begun = time.perf_counter()
    code, lines = partner.run(*arguments, **access)
    seconds = time.perf_counter() - begun
    _, again = partner.run(*arguments, **access)
    right = 0
    files = f"/api/fs-containers/{container}/files"
    for line in lines:
        file = wait_for(portal, f"{files}/{line['server']['id']}", states=(1, -1, -2, -3))
        custom_files = (file["results"] or {}).get("custom_files", [])
        right += any(
            custom_file["result"]["title"] == titles[file["name"]] for custom_file in custom_files
        )
    total = portal.call("GET", f"{files}?per_page=1").json()["meta"]["total"]
    report.line(
        f"sent {len(lines)} in {seconds:.1f} s (exit code {code}); the portal has "
        f"{total}, and found the right recording in {right}"
    )
    report.check("all arrive once", reached=total == len(lines) == len(titles))
    report.check("nothing is sent again", reached={line["status"] for line in again} == {"skipped"})
    report.check("all are found", reached=right == len(titles))


if __name__ == "__main__":
    sys.exit(main())
