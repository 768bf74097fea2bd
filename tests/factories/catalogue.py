"""Buckets and recordings."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus


class BucketFactory(DjangoModelFactory[Bucket]):
    """A bucket with a name of its own."""

    class Meta:
        model = Bucket

    name = factory.Sequence(lambda number: f"Bucket {number}")


class RecordingFactory(DjangoModelFactory[Recording]):
    """A searchable recording of three minutes."""

    class Meta:
        model = Recording

    bucket = factory.SubFactory(BucketFactory)
    title = factory.Sequence(lambda number: f"Recording {number}")
    artists = factory.LazyFunction(lambda: ["A. Example"])
    custom_id = factory.Sequence(lambda number: f"LIB-{number}")
    duration_ms = 180_000
    isrc_status = CodeStatus.MISSING
    status = RecordingStatus.READY
