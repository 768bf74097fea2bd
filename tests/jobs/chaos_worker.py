"""A worker process to which tests can do harm: its clock jumps, and its disk is full.

What its jobs do, they note in the file ``said`` of the test's folder.
"""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import django
import time_machine

# Long enough for the next worker to start before it is over.
_PAUSE = timedelta(seconds=20)
_TICK = timedelta(seconds=2)
_LOOK_SECONDS = 0.05

_folder = Path()
_name = ""


def main() -> None:
    """Run what the arguments name: folder, own name, action, and its words."""
    global _folder, _name
    folder, _name, action, *words = sys.argv[1:]
    _folder = Path(folder)
    _follow_clock()
    _follow_disk()
    django.setup()
    _register()
    _ACTIONS[action](words)


def say(*words: object) -> None:
    with (_folder / "said").open("a") as stream:
        stream.write(f"{' '.join(map(str, (_name, *words)))}\n")


def _follow_clock() -> None:
    """Let all Python clocks of this process be as far ahead as the test's file says."""
    file = _folder / f"{_name}.clock"
    ahead = _number_in(file)
    begin = datetime.now(tz=UTC) + timedelta(seconds=ahead)
    clock = time_machine.travel(begin, tick=True).start()

    def follow() -> None:
        reach = ahead
        while True:
            sleep(_LOOK_SECONDS)
            expected = _number_in(file)
            if expected != reach:
                clock.shift(expected - reach)
                reach = expected

    threading.Thread(target=follow, daemon=True).start()


def _number_in(file: Path, *, otherwise: int = 0) -> int:
    try:
        return int(file.read_text())
    except FileNotFoundError:
        return otherwise


def _follow_disk() -> None:
    """Limit the size of this process's files to what the test says.

    Python ignores the signal, so writing raises an error as a full disk does. The
    database's server has a disk of its own.
    """
    flag, (_soft, most) = _folder / "full", resource.getrlimit(resource.RLIMIT_FSIZE)

    def follow() -> None:
        while True:
            limit = _number_in(flag, otherwise=most)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
            sleep(_LOOK_SECONDS)

    threading.Thread(target=follow, daemon=True).start()


def _register() -> None:
    from base.jobs.kinds import Kind, register
    from base.jobs.periodic import periodic
    from catalogue.models import Bucket

    here = "tests.jobs.chaos_worker"
    for name in ("long", "short", "again"):
        register(
            Kind(
                f"chaos_{name}",
                Bucket,
                f"{here}.{name}",
                label=name,
                pause=lambda _attempts: _PAUSE,
            )
        )
    periodic("chaos_tick", f"{here}.tick", every=_TICK, label="Tick")


# Any in the three: a JobContext, imported after the set-up of Django.


def long(context) -> None:  # type: ignore[no-untyped-def]
    """Work until the test says that it is enough."""
    say("begins", context.subject.name)
    while not (_folder / f"{context.subject.name}.enough").exists():
        context.report(0.5)
        sleep(_LOOK_SECONDS)
    context.finish(labels=["done"])
    say("ends", context.subject.name)


def short(context) -> None:  # type: ignore[no-untyped-def]
    """Work for a moment."""
    context.finish(labels=["done"])
    say("ends", context.subject.name)


def again(context) -> None:  # type: ignore[no-untyped-def]
    from base.jobs.errors import Retry

    if context.job.attempts == 1:
        say("fails", context.subject.name)
        raise Retry("Not yet.")
    short(context)


def tick() -> None:
    say("ticks")


def _submit(words: list[str]) -> None:
    """Ask for a job of a kind for each name."""
    from base.jobs import services
    from base.jobs.kinds import find_kind
    from catalogue.models import Bucket

    for word in words:
        kind_name, _, name = word.partition(":")
        kind = find_kind(f"chaos_{kind_name}")
        assert kind is not None
        services.submit(kind, Bucket.objects.create(name=name))


def _fill(words: list[str]) -> None:
    """Create a container and a bucket, and ask for what tests of files need."""
    from django.core.management import call_command

    from scanning.models import Container

    Container.objects.create(name="c")
    call_command("scan_file", *words, container="c")


def _call(words: list[str]) -> None:
    from django.core.management import call_command

    call_command(*words)


_ACTIONS: dict[str, Callable[[list[str]], None]] = {"submit": _submit, "scan": _fill, "call": _call}
