"""API view of a file's timeline: what is heard in each of its seconds."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.api_requests import ChoiceField
from recognition.speech_track import SoundKind, SoundPiece
from review import rule_names
from review.models import Match
from review.timeline import Kind, Occurs, Piece, Timeline, timeline
from review.timeline.sounds import sounds_in
from web.portal.api.base import ProgramView
from web.portal.shared.selectors import find_file


class HeardMatchSerializer(serializers.Serializer[Match]):
    """A match that a piece rests on; ``policy`` is the one that treated it."""

    uid = serializers.CharField()
    state = serializers.CharField()
    recording = serializers.CharField(source="shown.uid")
    title = serializers.CharField(source="shown.full_title")
    isrc = serializers.CharField(source="shown.isrc")
    policy = serializers.SerializerMethodField()

    def get_policy(self, match: Match) -> str:
        """Return the policy's name, as far as the caller may see it."""
        return rule_names.policy_of(match)


class OccurrenceSerializer(serializers.Serializer[Occurs]):
    """Unknown sound that repeats."""

    uid = serializers.CharField()
    name = serializers.CharField(source="label")


SOUNDS = [(kind.value, kind.value) for kind in SoundKind]


class PieceSerializer(serializers.Serializer[Piece]):
    """An interval of the file and what is heard in it.

    ``entry`` is the id of what a person entered on the cue sheet, ``sound`` what a piece
    without a match holds, empty where that was not judged.
    """

    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()
    kind = ChoiceField(choices=Kind.choices)
    matches = HeardMatchSerializer(many=True)
    item = OccurrenceSerializer(allow_null=True)
    entry = serializers.CharField(allow_blank=True)
    sound = ChoiceField(choices=SOUNDS, allow_blank=True)


class SoundSerializer(serializers.Serializer[SoundPiece]):
    """An interval of the file and what is heard in it, whatever it is."""

    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()
    kind = ChoiceField(choices=SOUNDS)


class TimelineSerializer(serializers.Serializer[Timeline]):
    """A file from its start to its end; each moment is in one piece.

    ``shares`` are percents of the whole file by kind, 100.00 together. ``music_speech``
    are the intervals with speech, music, both or neither; none if they were not judged.
    """

    length_ms = serializers.IntegerField()
    decoded_ms = serializers.IntegerField()
    matched_ms = serializers.IntegerField()
    shares = serializers.SerializerMethodField()
    pieces = PieceSerializer(many=True)
    music_speech = serializers.SerializerMethodField()

    @extend_schema_field(SoundSerializer(many=True))
    def get_music_speech(self, line: Timeline) -> list[dict[str, Any]]:  # Any: JSON
        """Return what is heard in the file of the context."""
        pieces = sounds_in(self.context["file"], line)
        return [dict(SoundSerializer(piece).data) for piece in pieces]

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_shares(self, line: Timeline) -> dict[str, str]:
        """Return the share of each kind that occurs."""
        return {kind.value: str(share) for kind, share in line.shares.items()}


class FileTimelineView(ProgramView):
    """Reads the timeline of a file."""

    @extend_schema(responses=TimelineSerializer)
    def get(self, request: Request, uid: uuid.UUID) -> Response:
        """Return the pieces of the file in order; hidden matches are unknown sound."""
        file = find_file(uid)
        return Response(TimelineSerializer(timeline(file), context={"file": file}).data)
