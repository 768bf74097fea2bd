"""What a test of several machines runs in a process of its own.

``machine PREFIX work`` runs a worker, ``machine PREFIX PATH`` calls the function with that
path; the data folder says on which machine.
"""

from __future__ import annotations

import sys

import django


def main() -> None:
    """Work until told to stop, or do one thing."""
    prefix, action = sys.argv[1:]
    django.setup()
    from django.core.management import call_command
    from django.utils.module_loading import import_string

    from base.jobs import broker

    broker.PREFIX = prefix
    if action == "work":
        call_command("worker")
    else:
        import_string(action)()


def prepare() -> None:
    """Make an admin, and a match in a file that is scanned here."""
    from django.core.management import call_command

    from base.accounts.models import User
    from catalogue.models import Recording
    from catalogue.services import add_recording, create_bucket
    from scanning.models import Container
    from scanning.services.intake import submit_upload
    from tests import audio
    from tests.fixtures import upload

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("admin", password="only for this test")
    bucket = create_bucket(name="Music")
    container = Container.objects.create(name="Programmes")
    container.buckets.add(bucket)
    add_recording(
        bucket=bucket,
        details=Recording(title="Tune"),
        audio=upload("tune.wav", audio.wav_bytes(audio.tune(1, 20))),
    )
    call_command("worker", batch=True)
    submit_upload(
        container=container,
        upload=upload("file.wav", audio.wav_bytes(audio.tune(1, 12))),
        user=None,
    )
    call_command("worker", batch=True)


def ask_for_pack_and_report() -> None:
    from base.accounts.models import User
    from reports.evidence.services import request_pack
    from reports.layouts import Layout
    from reports.services import request_report
    from review.models import Match

    user = User.objects.get()
    request_pack(match=Match.objects.get(), user=user)
    request_report(layout=Layout(), user=user)


if __name__ == "__main__":
    main()
