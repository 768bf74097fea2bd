"""API views that read and decide a match and record disputes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.roles import Action
from common.api_requests import valid_data
from portal.api.base import ProgramView
from portal.shared.selectors import find_match
from review import rule_names
from review.choices import CLAIM_VERBS, DisputeCode, RejectCode, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Dispute, Licence, Match
from review.models.licence import NUMBER_PREFIX

# Disputes have an address of their own, exclusions need the page's preview.
_VERBS = [
    (verb.value, verb.label)
    for verb in Verb
    if verb not in {*CLAIM_VERBS, Verb.EXCLUDE}
]


class MatchSerializer(serializers.ModelSerializer[Match]):
    """The state of a match; a decision must send its ``version`` back."""

    file = serializers.UUIDField(source="scanned_file.uid", read_only=True)
    recording = serializers.CharField(source="recording.uid", read_only=True)
    decided_by_name = serializers.SerializerMethodField()
    due_at = serializers.DateTimeField(allow_null=True, read_only=True)

    def get_decided_by_name(self, match: Match) -> str:
        """Return who decided; of a rule that the caller may not see only the kind."""
        return rule_names.decider_of(match)

    class Meta:
        model = Match
        fields = (
            *("uid", "version", "state", "queue_reason", "relation", "score"),
            *("score_scale", "matched_ms", "file", "recording", "found_late"),
            *("decision_reason", "decided_by_name", "decided_at", "due_at", "note"),
        )
        read_only_fields = fields


class LicenceField(serializers.SlugRelatedField[Licence]):
    """A licence, given by its id."""

    def to_internal_value(self, data: object) -> Licence:
        """Find the licence; reject NUL characters, on which PostgreSQL fails."""
        if not isinstance(data, str) or "\0" in data:
            self.fail("invalid")
        licence: Licence = super().to_internal_value(data)
        return licence


class DecisionSerializer(serializers.Serializer[None]):
    """A decision on a match; the verb determines which fields are required."""

    version = serializers.IntegerField(help_text="Of the match as you saw it.")
    verb = serializers.ChoiceField(choices=_VERBS)
    reason = serializers.ChoiceField(
        choices=RejectCode.choices, required=False, default=""
    )
    note = serializers.CharField(required=False, default="", allow_blank=True)
    licence = LicenceField(
        slug_field="uid",
        queryset=Licence.objects.all(),
        required=False,
        default=None,
        help_text=f"The id of a licence, not its number {NUMBER_PREFIX}….",
    )


class ObjectionSerializer(serializers.Serializer[None]):
    """An objection from the other side, and when it was received."""

    version = serializers.IntegerField(help_text="Of the match as you saw it.")
    code = serializers.ChoiceField(choices=DisputeCode.choices)
    statement = serializers.CharField(required=False, default="", allow_blank=True)
    received_at = serializers.DateTimeField(required=False, default=None)


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    """A dispute, its answer and the time by which it must be answered."""

    match = MatchSerializer(read_only=True)
    recorded_by = serializers.CharField(
        source="recorded_by.username", read_only=True, default=""
    )
    answered_by = serializers.CharField(
        source="answered_by.username", read_only=True, default=""
    )

    class Meta:
        model = Dispute
        fields = (
            *("uid", "code", "is_appeal", "statement", "received_at", "due_at"),
            *("recorded_by", "status", "answer", "answered_at", "answered_by"),
            "match",
        )
        read_only_fields = fields


class MatchView(ProgramView):
    """Reads one match."""

    changes = Action.DECIDE

    def find(self, uid: str) -> Match:
        """Return a match that the user may see, or raise a 404."""
        rows = Match.objects.select_related("scanned_file__container", "recording")
        return find_match(rows.select_related("scan"), uid)

    @extend_schema(responses=MatchSerializer)
    def get(self, _request: Request, uid: str) -> Response:
        """Return the match."""
        return Response(MatchSerializer(self.find(uid)).data)


class DecisionsView(MatchView):
    """Decides a match under the same rules as the pages."""

    http_method_names = ["post", "options"]

    @extend_schema(request=DecisionSerializer, responses=MatchSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Decide the match if it still has the given version."""
        asked = valid_data(DecisionSerializer(data=request.data))
        match = decide_one(
            match=self.find(uid),
            user=self.person,
            version=asked["version"],
            decision=Decision(
                Verb(asked["verb"]), asked["reason"], asked["note"], asked["licence"]
            ),
        )
        return Response(MatchSerializer(match).data)


class DisputesView(MatchView):
    """Lists and records disputes of a claim."""

    http_method_names = ["get", "post", "options"]

    @extend_schema(responses=DisputeSerializer(many=True))
    def get(self, _request: Request, uid: str) -> Response:
        """Return every dispute of the claim, the latest first."""
        rows = self.find(uid).disputes.all()
        return Response(DisputeSerializer(rows, many=True).data)

    @extend_schema(request=ObjectionSerializer, responses={201: DisputeSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Record an objection; the response has the time by which to answer it."""
        asked = valid_data(ObjectionSerializer(data=request.data))
        match = decide_one(
            match=self.find(uid),
            user=self.person,
            version=asked["version"],
            decision=Decision(
                Verb.DISPUTE,
                code=asked["code"],
                note=asked["statement"],
                received_at=asked["received_at"],
            ),
        )
        return Response(DisputeSerializer(match.dispute).data, status=201)
