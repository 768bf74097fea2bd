"""Buckets and recordings."""

# factory_boy's declarations carry no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from factory.declarations import LazyFunction, Sequence, SubFactory
from factory.django import DjangoModelFactory

from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus


class BucketFactory(DjangoModelFactory[Bucket]):
    """A bucket with a unique name."""

    class Meta:
        model = Bucket

    name = Sequence(lambda number: f"Bucket {number}")


class RecordingFactory(DjangoModelFactory[Recording]):
    """A searchable recording of three minutes."""

    class Meta:
        model = Recording

    bucket = SubFactory(BucketFactory)
    title = Sequence(lambda number: f"Recording {number}")
    artists = LazyFunction(lambda: ["A. Example"])
    custom_id = Sequence(lambda number: f"LIB-{number}")
    duration_ms = 180_000
    isrc_status = CodeStatus.MISSING
    status = RecordingStatus.READY
