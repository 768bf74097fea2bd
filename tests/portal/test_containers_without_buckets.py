"""Containers that search nothing: refused, or said plainly."""

from __future__ import annotations

import pytest
from django.forms import model_to_dict
from django.urls import reverse

from base.accounts.roles import Role
from scanning.models import Container
from tests import audio
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient, Worker, upload
from web.portal.containers.views import ContainerForm

pytestmark = pytest.mark.django_db
WHY = "its container has no bucket"


def settings_of(container: Container, **changed: object) -> dict[str, object]:
    values = model_to_dict(container, fields=ContainerForm.base_fields)
    values["buckets"] = [bucket.pk for bucket in container.buckets.all()]
    return {name: "" if value is None else value for name, value in values.items()} | (changed)


@pytest.mark.parametrize("kind", ["page", "admin"])
def test_a_container_is_not_saved_without_a_bucket(signed_in: MakeClient, kind: str) -> None:
    container = ContainerFactory.create()
    container.buckets.add(BucketFactory.create())
    client, names = (signed_in(Role.ADMIN), {"page": "portal:container", "admin": "admin"})
    new = reverse(f"{names[kind]}_create" if kind == "page" else "admin:scanning_container_add")
    old = reverse(
        f"{names[kind]}_edit" if kind == "page" else "admin:scanning_container_change",
        args=[container.pk],
    )

    refused = [
        client.post(address, settings_of(container, name="New", buckets=[]))
        for address in (new, old)
    ]
    of_acrcloud = client.post(
        new, settings_of(container, name="Cloud", buckets=[], engine="acrcloud")
    )

    for answer in refused:
        assert "Choose at least one bucket" in answer.content.decode()
    assert of_acrcloud.status_code == 302
    assert [*Container.objects.values_list("name", flat=True)] != ["New"]
    assert container.buckets.count() == 1
    assert Container.objects.filter(name="Cloud", engine="acrcloud").exists()


def test_a_container_that_lost_its_buckets_and_its_files_say_so(
    signed_in: MakeClient, run_worker: Worker
) -> None:
    container = ContainerFactory.create()
    client = signed_in(Role.ADMIN)
    page = client.get(reverse("portal:container_edit", args=[container.pk]))
    sound = audio.wav_bytes(audio.tune(4, 10))
    sent = client.post(
        reverse("portal:upload"), {"container": container.pk, "files": upload("tune.wav", sound)}
    )
    assert sent.status_code < 400
    run_worker()

    file = container.files.get()
    text = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert "nothing is found in its files" in page.content.decode()
    assert (file.status, file.scans.get().no_match_reason) == ("no_match", "no_bucket")
    assert WHY in text
    assert "Nothing in your catalogue matched" not in text
