"""The pages with a form of a model, and what bodies of the APIs may name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.forms import ModelForm

from base.accounts.roles import Role
from base.common.uid import new_uid
from catalogue.models import Bucket, Recording
from review.models import Licence, Policy
from scanning.models import Container, Drop, Project, Watch
from tests.factories.rules import make_licence, make_policy
from tests.registered import Table
from tests.scanning.podcast import Podcast
from tests.security.world import Desk
from web.portal.accounts.forms import ProjectForm
from web.portal.catalogue.forms import BucketForm, RecordingDetailsForm
from web.portal.containers.views import ContainerForm
from web.portal.drops.forms import DropForm, DropSettingsForm
from web.portal.licences.forms import LicenceForm
from web.portal.policies.forms import PolicyForm
from web.portal.watches.views import WatchForm, WatchSettingsForm

Body = dict[str, Any]  # Any: of a form


@dataclass(frozen=True, slots=True)
class Page:
    """A page with a form: its address, the sent fields, and the row it changes."""

    path: Callable[[Model | None], str]
    body: Callable[[Desk, Podcast], Body]
    model: type[Model]
    role: Role = Role.MANAGER
    row: Callable[[Desk], Model] | None = None


def _terms(desk: Desk, _: Podcast) -> Body:
    return {
        "holder": "Broadcaster",
        "scope": "recordings",
        "recordings": desk.recording.custom_id,
        "use_kind": "any",
        "edited_uses": "covered",
        "on_expiry": "reopen",
    }


def _rule(_desk: Desk, _: Podcast) -> Body:
    return {"name": "Short uses", "action": "escalate", "priority": 0}


def _container(desk: Desk, _: Podcast) -> Body:
    return {
        "name": "New",
        "buckets": [desk.bucket.pk],
        "engine": "embedded",
        "audio_type": "recorded",
        "edited_music": "widely",
        "score_floor": "40",
        "upload_audio": "original",
        "link_audio": "original",
    }


def _bucket(_desk: Desk, _: Podcast) -> Body:
    return {"name": "New", "intake_rule": "ask"}


def _watch(desk: Desk, podcast: Podcast) -> Body:
    return {
        "url": podcast.url,
        "container": desk.container.pk,
        "every_hours": 24,
        "items_per_check": 20,
        "begin": "new",
    }


def _drop(desk: Desk, _: Podcast) -> Body:
    return {
        "place": f"/srv/{new_uid('d')}",
        "container": desk.container.pk,
        "name": "New",
        "every_seconds": 60,
        "afterwards": "drop_move",
    }


PAGES: Table[str, tuple[type[ModelForm[Any]], Page]] = Table(
    {
        "new licence": (LicenceForm, Page(lambda _: "/licences/new/", _terms, Licence)),
        "licence": (
            LicenceForm,
            Page(
                lambda row: f"/licences/{row.uid}/",  # type: ignore[union-attr]  # a licence
                _terms,
                Licence,
                row=lambda desk: make_licence(recordings=[desk.recording]),
            ),
        ),
        "new policy": (PolicyForm, Page(lambda _: "/policies/new/", _rule, Policy)),
        "policy": (
            PolicyForm,
            Page(
                lambda row: f"/policies/{row.uid}/",  # type: ignore[union-attr]  # a policy
                _rule,
                Policy,
                row=lambda _: make_policy(),
            ),
        ),
        "new watch": (WatchForm, Page(lambda _: "/watches/new/", _watch, Watch, Role.REVIEWER)),
        "watch": (
            WatchSettingsForm,
            Page(
                lambda row: f"/watches/{row.uid}/edit/",  # type: ignore[union-attr]  # a watch
                lambda _desk, _: {"every_hours": 24, "items_per_check": 5},
                Watch,
                Role.ADMIN,
                row=lambda desk: desk.watch_of(desk.user),
            ),
        ),
        "new drop": (DropForm, Page(lambda _: "/drops/new/", _drop, Drop, Role.REVIEWER)),
        "drop": (
            DropSettingsForm,
            Page(
                lambda row: f"/drops/{row.uid}/edit/",  # type: ignore[union-attr]  # a drop
                _drop,
                Drop,
                Role.ADMIN,
                row=lambda desk: desk.drop_of(desk.user),
            ),
        ),
        "new container": (
            ContainerForm,
            Page(lambda _: "/containers/new/", _container, Container, Role.ADMIN),
        ),
        "container": (
            ContainerForm,
            Page(
                lambda row: f"/containers/{row.pk}/",  # type: ignore[union-attr]  # a container
                _container,
                Container,
                Role.ADMIN,
                row=lambda desk: desk.container,
            ),
        ),
        "recording": (
            RecordingDetailsForm,
            Page(
                lambda row: f"/catalogue/recordings/{row.uid}/edit/",  # type: ignore[union-attr]  # a recording
                lambda _desk, _: {"title": "New"},
                Recording,
                row=lambda desk: desk.recording,
            ),
        ),
        "new bucket": (BucketForm, Page(lambda _: "/catalogue/buckets/new/", _bucket, Bucket)),
        "new keys": (
            ProjectForm,
            Page(
                lambda _: "/tokens/keys/new/",
                lambda desk, _: {"name": "New", "buckets": [desk.bucket.pk]},
                Project,
                Role.ADMIN,
            ),
        ),
    }
)

# API fields whose names rows have too, and their effect.
TOLD: Table[tuple[str, str, str], str] = Table(
    {
        ("put", "/api/portal/v1/files/{uid}/episode/", "version"): "only compared",
        ("put", "/api/portal/v1/files/{uid}/uses/", "version"): "only compared",
        ("post", "/api/buckets/{bucket_id}/dedup-files", "id"): "the caller's own id",
        ("post", "/api/portal/v1/matches/{uid}/decisions/", "version"): "only compared",
        ("post", "/api/portal/v1/matches/{uid}/disputes/", "version"): "only compared",
        ("post", "/v1/identify", "access_key"): "whose signature it is",
    }
)
