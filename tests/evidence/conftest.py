"""A match with real sound on both sides, and the key that signs its packs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from base.accounts.models import User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from reports.evidence import services, signing
from reports.evidence.models import EvidencePack
from reports.evidence.signing import PublicKey
from review.models import Match
from scanning.services.intake import submit_upload
from tests import audio
from tests.fixtures import Catalogue, Worker, upload

BuildPack = Callable[..., EvidencePack]


@pytest.fixture
def key(data_dir: Path) -> PublicKey:
    """Return the public half of a new key of the installation."""
    return signing.create_key()


@pytest.fixture
def heard_match(catalogue: Catalogue, run_worker: Worker, reviewer: User) -> Match:
    """Return a match with two segments of one tune, found by the embedded engine."""
    tune = audio.tune(1, 30)
    sound = audio.join(
        [
            audio.silence(4),
            tune[: 14 * audio.RATE],
            audio.tune(77, 6),
            tune[12 * audio.RATE : 27 * audio.RATE],
        ]
    )
    submit_upload(
        container=catalogue.container,
        upload=upload("programme.wav", audio.wav_bytes(sound)),
        user=reviewer,
    )
    run_worker()
    return Match.objects.get(recording=catalogue.first)


@pytest.fixture
def build(reviewer: User, key: PublicKey) -> BuildPack:
    """Return a function that builds a match's pack as the worker does."""

    def make(match: Match, *, with_reference_clips: bool = True) -> EvidencePack:
        pack = services.request_pack(
            match=match, user=reviewer, with_reference_clips=with_reference_clips
        )
        while run_next(Pool.WORK):
            pass
        pack.refresh_from_db()
        return pack

    return make
