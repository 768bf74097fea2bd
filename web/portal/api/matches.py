"""API views that read and decide a match and record disputes."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data
from catalogue.models import Recording
from reports.cue_questions import Question, questions_of
from reports.models import EntryKind
from review import rule_names
from review.choices import CLAIM_VERBS, DisputeCode, RejectCode, Verb, VersionChoice
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.errors import NotPossible
from review.models import Dispute, Licence, Match
from review.models.licence import NUMBER_PREFIX
from review.services import choosing
from review.versions import Candidate, candidates_of
from web.portal.api.base import ProgramView
from web.portal.shared.selectors import find_match

# Disputes have an address of their own, exclusions need the page's preview.
_VERBS = [(verb.value, verb.label) for verb in Verb if verb not in {*CLAIM_VERBS, Verb.EXCLUDE}]


class CandidateSerializer(serializers.Serializer[Candidate]):
    """A version of a match's recording that fits equally."""

    recording = serializers.CharField(source="recording.uid")
    title = serializers.CharField(source="recording.full_title")
    isrc = serializers.CharField(source="recording.isrc")
    score = serializers.DecimalField(max_digits=5, decimal_places=1, allow_null=True)
    matched_ms = serializers.IntegerField()


class QuestionSerializer(serializers.Serializer[Question]):
    """An entry of the file's cue sheet in the same seconds as the match.

    Confirming or clearing the match removes it; rejecting the match keeps it.
    """

    entry = serializers.CharField(source="entry.uid")
    kind = ChoiceField(choices=EntryKind.choices, source="entry.kind")
    title = serializers.CharField(source="entry.title", allow_blank=True)
    start_ms = serializers.IntegerField(source="entry.start_ms")
    end_ms = serializers.IntegerField(source="entry.end_ms")


_NO_DECISION: Final = {
    **dict.fromkeys(("decision_reason", "decided_by_name"), ""),
    "decided_by_program": False,
    "decided_at": None,
}


class ListedMatchSerializer(serializers.ModelSerializer[Match]):
    """The state of a match; a decision must send its ``version`` back."""

    file = serializers.UUIDField(source="scanned_file.uid", read_only=True)
    recording = serializers.CharField(source="recording.uid", read_only=True)
    decided_by_name = serializers.SerializerMethodField()
    due_at = serializers.DateTimeField(allow_null=True, read_only=True)
    title = serializers.CharField(source="recording.full_title", read_only=True)
    licence = serializers.SerializerMethodField()
    version_choice = ChoiceField(choices=VersionChoice.choices, allow_blank=True, read_only=True)

    class Meta:
        model = Match
        fields: tuple[str, ...] = (
            *("uid", "version", "state", "queue_reason", "relation", "score"),
            *("score_scale", "matched_ms", "first_start_ms", "last_end_ms", "file"),
            *("recording", "title", "found_late", "lost", "version_choice"),
            *("decision_reason", "decided_by_name", "decided_by_program", "decided_at"),
            *("licence", "due_at", "note", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_decided_by_name(self, match: Match) -> str:
        """Return who decided; of a rule that the caller may not see only the kind."""
        return rule_names.decider_of(match)

    def to_representation(self, match: Match) -> dict[str, Any]:  # Any: JSON
        """Return the match; one that still waits has no decision, not even for a manager."""
        fields = super().to_representation(match)
        return fields if match.is_decided else fields | _NO_DECISION

    def get_licence(self, match: Match) -> str:
        """Return the id of the licence that cleared it, if the caller may see that."""
        licence = rule_names.licence_of(match)
        return licence.uid if licence else ""


class MatchSerializer(ListedMatchSerializer):
    """A match with what a decision about it may need."""

    candidates = serializers.SerializerMethodField()
    questions = serializers.SerializerMethodField()

    @extend_schema_field(CandidateSerializer(many=True))
    def get_candidates(self, match: Match) -> list[dict[str, object]]:
        """Return the versions that fit equally, which the match may name instead."""
        return [CandidateSerializer(candidate).data for candidate in candidates_of(match)]

    @extend_schema_field(QuestionSerializer(many=True))
    def get_questions(self, match: Match) -> object:
        """Return the entries that the match asks about."""
        return [QuestionSerializer(question).data for question in questions_of(match)]

    class Meta(ListedMatchSerializer.Meta):
        fields = (*ListedMatchSerializer.Meta.fields, "candidates", "questions")
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
    verb = ChoiceField(choices=_VERBS)
    reason = ChoiceField(choices=RejectCode.choices, required=False, default="")
    note = serializers.CharField(required=False, default="", allow_blank=True)
    licence = LicenceField(
        slug_field="uid",
        queryset=Licence.objects.all(),
        required=False,
        default=None,
        help_text=f"The id of a licence, not its number {NUMBER_PREFIX}….",
    )
    recording = serializers.CharField(
        max_length=32,
        required=False,
        default="",
        help_text="The candidate that `choose_version` names; the best one if empty.",
    )


class VersionAnswerSerializer(serializers.Serializer[None]):
    """Which of two versions stands for both in all files; empty for none."""

    candidate = serializers.CharField(
        max_length=32, help_text="The recording that the match may name instead."
    )
    stands = serializers.CharField(
        max_length=32,
        allow_blank=True,
        help_text="The match's recording or the candidate; empty to ask in each file.",
    )


class ObjectionSerializer(serializers.Serializer[None]):
    """An objection from the other side, and when it was received."""

    version = serializers.IntegerField(help_text="Of the match as you saw it.")
    code = ChoiceField(choices=DisputeCode.choices)
    statement = serializers.CharField(required=False, default="", allow_blank=True)
    received_at = serializers.DateTimeField(required=False, default=None)


class ListedDisputeSerializer(serializers.ModelSerializer[Dispute]):
    """A dispute, its answer and the time by which it must be answered."""

    # Any: a whole match in answers about one.
    match: serializers.Field[Any, Any, Any, Any] = serializers.CharField(
        source="match.uid", read_only=True
    )
    recorded_by = serializers.CharField(source="recorded_by.username", read_only=True, default="")
    answered_by = serializers.CharField(source="answered_by.username", read_only=True, default="")

    class Meta:
        model = Dispute
        fields = (
            *("uid", "code", "is_appeal", "statement", "received_at", "due_at"),
            *("recorded_by", "status", "answer", "answered_at", "answered_by"),
            *("match", "created_at", "updated_at"),
        )
        read_only_fields = fields


class DisputeSerializer(ListedDisputeSerializer):
    """A dispute and its match."""

    match = MatchSerializer(read_only=True)


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
        body = valid_data(DecisionSerializer(data=request.data))
        match = decide_one(
            match=self.find(uid),
            user=self.person,
            version=body["version"],
            decision=Decision(
                Verb(body["verb"]),
                body["reason"],
                body["note"],
                body["licence"],
                recording=_recording(body["recording"]),
            ),
        )
        return Response(MatchSerializer(match).data)


class VersionAnswerView(MatchView):
    """Answers for two versions which one stands for both."""

    http_method_names = ["post", "options"]

    @extend_schema(request=VersionAnswerSerializer, responses=MatchSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Store the answer for the match's recording and one of its candidates."""
        body = valid_data(VersionAnswerSerializer(data=request.data))
        match = self.find(uid)
        candidate, stands = (
            _recording(body[name], among=match) for name in ("candidate", "stands")
        )
        choosing.answer(
            recording=match.recording,
            alternative=candidate or match.recording,
            stands=stands,
            user=self.person,
        )
        return Response(MatchSerializer(self.find(uid)).data)


def _recording(uid: str, *, among: Match | None = None) -> Recording | None:
    """Return a recording by its id; with ``among``, one that the match may name."""
    if not uid:
        return None
    rows = Recording.objects.filter(uid=uid)
    if among is not None:
        keys = [candidate.recording.pk for candidate in candidates_of(among)]
        rows = rows.filter(pk__in=[among.recording_id, *keys])
    recording = rows.first()
    if recording is None:
        raise NotPossible(_("The match has no such version."))
    return recording


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
        body = valid_data(ObjectionSerializer(data=request.data))
        match = decide_one(
            match=self.find(uid),
            user=self.person,
            version=body["version"],
            decision=Decision(
                Verb.DISPUTE,
                code=body["code"],
                note=body["statement"],
                received_at=body["received_at"],
            ),
        )
        return Response(DisputeSerializer(match.dispute).data, status=201)
