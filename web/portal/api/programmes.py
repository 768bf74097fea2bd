"""API views of episodes and uses of music.

Answers carry a ``version`` of their values. A change that names the version it read is
refused with 409 if somebody else changed the values since.
"""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from catalogue.models import Recording
from review.programmes.models import Episode, MusicUse
from review.programmes.selectors import episode_of, use_of, uses_of
from review.programmes.services import set_episode, set_use
from review.programmes.values import StatedRow, state_of, values_of
from web.portal.api.base import ProgramView
from web.portal.shared.selectors import find_file

Row = TypeVar("Row", bound=StatedRow)


class VersionField(serializers.CharField):
    """The version that a change is based on; without it, nothing is compared."""

    def __init__(self, **options: Any) -> None:  # Any: DRF's own signature
        super().__init__(required=False, max_length=64, **options)


class StatedSerializer(serializers.ModelSerializer[Row]):
    """The values of a row; one that is left out becomes empty."""

    version = VersionField()

    def get_extra_kwargs(self) -> dict[str, Any]:  # Any: options of fields
        """Let every value be left out."""
        empty: StatedRow = self.Meta.model()  # type: ignore[misc]  # of each subclass
        defaults = values_of(empty)
        return {
            name: {"default": default, "allow_null" if default is None else "allow_blank": True}
            for name, default in defaults.items()
        }

    def to_representation(self, instance: Row) -> dict[str, Any]:  # Any: JSON
        """Add the version of the values."""
        return {**super().to_representation(instance), "version": state_of(instance)}


class EpisodeSerializer(StatedSerializer[Episode]):
    """What a file is as a programme; a value that is left out becomes empty."""

    class Meta:
        model = Episode
        fields = (*Episode.VALUES, "version")


class MusicUseSerializer(StatedSerializer[MusicUse]):
    """How a file uses a recording; a value that is left out becomes unknown."""

    recording = serializers.CharField(max_length=64, source="recording.uid")

    class Meta:
        model = MusicUse
        fields = ("recording", *MusicUse.VALUES, "version")


class EpisodeView(ProgramView):
    """What a file is as a programme."""

    changes = Action.UPLOAD

    @extend_schema(responses=EpisodeSerializer)
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the episode; all values are empty if nobody has said anything."""
        return Response(EpisodeSerializer(episode_of(find_file(uid)) or Episode()).data)

    @extend_schema(request=EpisodeSerializer, responses=EpisodeSerializer)
    def put(self, request: Request, uid: uuid.UUID) -> Response:
        """Set all values of the episode."""
        file, body = find_file(uid), valid_data(EpisodeSerializer(data=request.data))
        seen = body.pop("version", None)
        set_episode(scanned_file=file, values=body, user=self.person, seen=seen)
        return Response(EpisodeSerializer(episode_of(file) or Episode()).data)


class MusicUsesView(ProgramView):
    """How a file uses recordings."""

    changes = Action.DECIDE

    @extend_schema(responses=MusicUseSerializer(many=True))
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the stated use of each recording."""
        return Response(MusicUseSerializer(uses_of(find_file(uid)), many=True).data)

    @extend_schema(request=MusicUseSerializer, responses=MusicUseSerializer)
    def put(self, request: Request, uid: uuid.UUID) -> Response:
        """Set all values of one recording; the file must have a match with it."""
        file, body = find_file(uid), valid_data(MusicUseSerializer(data=request.data))
        seen = body.pop("version", None)
        recording = Recording.objects.filter(**body.pop("recording")).first()
        if recording is None:
            raise serializers.ValidationError({"recording": ["No recording has this id."]})
        set_use(scanned_file=file, recording=recording, values=body, user=self.person, seen=seen)
        row = use_of(file, recording) or MusicUse(recording=recording)
        return Response(MusicUseSerializer(row).data)
