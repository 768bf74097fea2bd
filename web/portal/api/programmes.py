"""API views of episodes and uses of music.

Answers carry a ``version`` of their values. A change that names the version it read is
refused with 409 if somebody else changed the values since.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from catalogue.models import Recording
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.selectors import episode_of, use_of, uses_of
from review.programmes.services import episode_values, set_episode, set_use, use_values
from review.programmes.values import EpisodeValues, UseValues, state_of
from scanning.models import ScannedFile
from web.portal.api.base import ProgramView
from web.portal.shared.selectors import find_file

Json = dict[str, Any]  # Any: JSON


class VersionField(serializers.CharField):
    """The version that a change is based on; without it, nothing is compared."""

    def __init__(self, **options: Any) -> None:  # Any: DRF's own signature
        super().__init__(required=False, max_length=64, **options)


class EpisodeSerializer(serializers.Serializer[Json]):
    """What a file is as a programme; a value that is left out becomes empty."""

    series = serializers.CharField(max_length=300, allow_blank=True, default="")
    also_known_as = serializers.CharField(max_length=300, allow_blank=True, default="")
    season = serializers.CharField(max_length=40, allow_blank=True, default="")
    number = serializers.CharField(max_length=40, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, allow_blank=True, default="")
    production_company = serializers.CharField(max_length=300, allow_blank=True, default="")
    isan = serializers.CharField(max_length=40, allow_blank=True, default="")
    version = VersionField()


class MusicUseSerializer(serializers.Serializer[Json]):
    """How a file uses a recording; a value that is left out becomes unknown."""

    recording = serializers.CharField(max_length=64)
    use = serializers.ChoiceField(choices=CueUse.choices, allow_blank=True, default="")
    origin = serializers.ChoiceField(choices=MusicOrigin.choices, allow_blank=True, default="")
    own_recording = serializers.BooleanField(allow_null=True, default=None)
    live = serializers.BooleanField(allow_null=True, default=None)
    recorded_on = serializers.DateField(allow_null=True, default=None)
    recorded_in = serializers.CharField(max_length=2, allow_blank=True, default="")
    published_in = serializers.CharField(max_length=2, allow_blank=True, default="")
    version = VersionField()


class EpisodeView(ProgramView):
    """What a file is as a programme."""

    changes = Action.UPLOAD

    @extend_schema(responses=EpisodeSerializer)
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the episode; all values are empty if nobody has said anything."""
        return Response(_episode(find_file(uid)))

    @extend_schema(request=EpisodeSerializer, responses=EpisodeSerializer)
    def put(self, request: Request, uid: uuid.UUID) -> Response:
        """Set all values of the episode."""
        file, body = find_file(uid), valid_data(EpisodeSerializer(data=request.data))
        seen = body.pop("version", None)
        values = EpisodeValues(**body)
        set_episode(scanned_file=file, values=values, user=self.person, seen=seen)
        return Response(_episode(file))


class MusicUsesView(ProgramView):
    """How a file uses recordings."""

    changes = Action.DECIDE

    @extend_schema(responses=MusicUseSerializer(many=True))
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the stated use of each recording."""
        rows = uses_of(find_file(uid))
        return Response([_use_json(row.recording, use_values(row)) for row in rows])

    @extend_schema(request=MusicUseSerializer, responses=MusicUseSerializer)
    def put(self, request: Request, uid: uuid.UUID) -> Response:
        """Set all values of one recording; the file must have a match with it."""
        file, body = find_file(uid), valid_data(MusicUseSerializer(data=request.data))
        seen = body.pop("version", None)
        recording = Recording.objects.filter(uid=body.pop("recording")).first()
        if recording is None:
            raise serializers.ValidationError({"recording": ["No recording has this id."]})
        set_use(
            scanned_file=file,
            recording=recording,
            values=UseValues(**body),
            user=self.person,
            seen=seen,
        )
        now = use_values(use_of(file, recording))
        return Response(_use_json(recording, now))


def _episode(file: ScannedFile) -> Json:
    values = episode_values(episode_of(file))
    return asdict(values) | {"version": state_of(values)}


def _use_json(recording: Recording, values: UseValues) -> Json:
    fields = asdict(values) | {"version": state_of(values)}
    return {"recording": recording.uid} | fields
