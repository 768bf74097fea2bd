"""Matches over the API: how one stands, deciding it, recording what is objected."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import scopes
from accounts.models import ApiToken
from accounts.roles import Action
from portal.api.base import ProgramView
from review.choices import DisputeCode, RejectCode, Verb
from review.models import Dispute, Licence, Match
from review.models.licence import NUMBER_PREFIX
from review.services import disputes
from review.services.bulk import Decision, decide


class MayDecide(BasePermission):
    """Those who decide; whoever may look reads how a match stands."""

    message = "Your role or token does not allow this; the scope is 'decide'."

    @staticmethod
    def rule(view: object, method: str) -> Action:
        """Return what a method asks for."""
        return Action.VIEW if method == "GET" else Action.DECIDE

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask the person's role, and the token's scopes where one was used."""
        action = self.rule(view, str(request.method))
        if not request.user or not request.user.has_perm(action):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        return scopes.allows(request.auth.scopes, action)


class MatchSerializer(serializers.ModelSerializer[Match]):
    """How a match stands; ``version`` is what a decision names."""

    file = serializers.UUIDField(source="scanned_file.uid", read_only=True)
    recording = serializers.CharField(source="recording.uid", read_only=True)
    due_at = serializers.DateTimeField(allow_null=True, read_only=True)

    class Meta:
        model = Match
        fields = (
            *("uid", "version", "state", "queue_reason", "relation", "score"),
            *("score_scale", "matched_ms", "file", "recording", "found_late"),
            *("decision_reason", "decided_by_name", "decided_at", "due_at", "note"),
        )
        read_only_fields = fields


class DecisionSerializer(serializers.Serializer[None]):
    """What is decided; which of it is needed depends on the verb."""

    version = serializers.IntegerField(help_text="Of the match as you saw it.")
    verb = serializers.ChoiceField(choices=Verb.choices)
    reason = serializers.ChoiceField(
        choices=RejectCode.choices, required=False, default=""
    )
    note = serializers.CharField(required=False, default="", allow_blank=True)
    licence = serializers.SlugRelatedField(
        slug_field="uid",
        queryset=Licence.objects.all(),
        required=False,
        default=None,
        help_text=f"The id of a licence, not its number {NUMBER_PREFIX}….",
    )


class ObjectionSerializer(serializers.Serializer[None]):
    """What the other side objects, and since when."""

    version = serializers.IntegerField(help_text="Of the match as you saw it.")
    code = serializers.ChoiceField(choices=DisputeCode.choices)
    statement = serializers.CharField(required=False, default="", allow_blank=True)
    received_at = serializers.DateTimeField(required=False, default=None)


class DisputeSerializer(serializers.ModelSerializer[Dispute]):
    """An objection and the day by which it is answered."""

    match = MatchSerializer(read_only=True)

    class Meta:
        model = Dispute
        fields = (
            *("uid", "code", "is_appeal", "statement", "received_at", "due_at"),
            *("status", "answer", "answered_at", "match"),
        )
        read_only_fields = fields


class MatchView(ProgramView):
    """How one match stands."""

    permission_classes = [MayDecide]

    def find(self, uid: str) -> Match:
        """Return a match that the person may see."""
        rows = Match.objects.select_related("scanned_file__container", "recording")
        return get_object_or_404(rows.select_related("scan"), uid=uid)

    def read(self, form: serializers.Serializer[None]) -> dict[str, Any]:  # Any: JSON
        """Return what a valid request says."""
        form.is_valid(raise_exception=True)
        told: dict[str, Any] = form.validated_data
        return told

    @extend_schema(responses=MatchSerializer)
    def get(self, _request: Request, uid: str) -> Response:
        """Return how the match stands."""
        return Response(MatchSerializer(self.find(uid)).data)


class DecisionsView(MatchView):
    """Deciding a match, by the rules of the pages."""

    http_method_names = ["post", "options"]

    @extend_schema(request=DecisionSerializer, responses=MatchSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Decide the match as it was seen."""
        told = self.read(DecisionSerializer(data=request.data))
        match = decide(
            match=self.find(uid),
            user=self.person,
            version=told["version"],
            decision=Decision(
                Verb(told["verb"]), told["reason"], told["note"], told["licence"]
            ),
        )
        return Response(MatchSerializer(match).data)


class DisputesView(MatchView):
    """Objections to a claim."""

    http_method_names = ["get", "post", "options"]

    @extend_schema(responses=DisputeSerializer(many=True))
    def get(self, _request: Request, uid: str) -> Response:
        """Return every objection to the claim, the latest first."""
        rows = self.find(uid).disputes.all()
        return Response(DisputeSerializer(rows, many=True).data)

    @extend_schema(request=ObjectionSerializer, responses={201: DisputeSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Keep that the other side objects; the answer says until when it is due."""
        told = self.read(ObjectionSerializer(data=request.data))
        match = disputes.record(match=self.find(uid), user=self.person, **told)
        return Response(DisputeSerializer(match.dispute).data, status=201)
