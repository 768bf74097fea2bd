"""Duplicates in Django's admin: the same functions, the same rules."""

from __future__ import annotations

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse

from accounts.roles import Role
from catalogue.models import Recording
from dedup.models import ActionState, DedupAction, DedupGroup
from dedup.services import find_duplicates
from tests.conftest import MakeClient
from tests.factories.catalogue import BucketFactory, RecordingFactory

pytestmark = pytest.mark.django_db


def test_groups_are_merged_after_a_preview_and_the_merge_undone(
    signed_in: MakeClient,
) -> None:
    bucket = BucketFactory.create()
    RecordingFactory.create_batch(
        2, bucket=bucket, audio_sha256="ab" * 32, audio_bytes=10
    )
    find_duplicates(bucket=bucket)
    group = DedupGroup.objects.get()
    client, address = (
        signed_in(Role.ADMIN),
        reverse("admin:dedup_dedupgroup_changelist"),
    )
    chosen = {"action": "merge_groups", ACTION_CHECKBOX_NAME: [group.pk]}

    preview = client.post(address, chosen).content.decode()
    client.post(
        address, chosen | {"apply": "yes", "group": [f"{group.uid}:{group.version}"]}
    )

    assert "1 recording would become an alias" in preview
    assert Recording.objects.filter(merged_into__isnull=False).count() == 1
    action = DedupAction.objects.get()
    client.post(
        reverse("admin:dedup_dedupaction_changelist"),
        {"action": "undo_actions", ACTION_CHECKBOX_NAME: [action.pk]},
    )
    action.refresh_from_db()
    assert action.state == ActionState.UNDONE
    assert not Recording.objects.filter(merged_into__isnull=False).exists()
