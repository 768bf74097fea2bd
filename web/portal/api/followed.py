"""The lists that programs follow: matches and decisions, rules, and the catalogue."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from rest_framework import serializers

from base.audit.models import Event
from base.common.api_requests import ChoiceField
from catalogue.models import Bucket, Exclusion, Recording, RecordingStatus
from catalogue.selectors import shown_for
from review import rule_names, selectors
from review.choices import DisputeStatus, MatchState
from review.filters import in_kept_files
from review.models import Dispute, Licence, Match, Policy
from web.portal.api.changes import AskedChangesSerializer, ChangesView, Query
from web.portal.api.matches import ListedDisputeSerializer, ListedMatchSerializer
from web.portal.licences.lists import LICENCES

_CODE_LENGTH = 64


class AskedMatchesSerializer(AskedChangesSerializer):
    """Which matches to return; one that leaves a ``state`` is not returned any more."""

    state = ChoiceField(choices=MatchState.choices, required=False, default="")
    file = serializers.UUIDField(required=False, default=None)
    recording = serializers.CharField(required=False, default="", max_length=_CODE_LENGTH)


class MatchesView(ChangesView[Match], name="matches"):
    """Lists matches in files that are not deleted."""

    row = ListedMatchSerializer
    filters = AskedMatchesSerializer

    def rows(self, query: Query) -> QuerySet[Match]:
        """Return the matches, also suppressed ones."""
        columns = {"state": "state", "file": "scanned_file__uid", "recording": "recording__uid"}
        values = {column: query[name] for name, column in columns.items() if query[name]}
        related = Match.objects.select_related("scanned_file", "recording", "licence")
        return related.filter(in_kept_files(), **values)


class AskedDecisionsSerializer(AskedChangesSerializer):
    """Which decisions to return."""

    match = serializers.CharField(required=False, default="", max_length=_CODE_LENGTH)


class DecisionEventSerializer(serializers.ModelSerializer[Event]):
    """A decision on a match, or its undoing, by a person, a program or a rule.

    ``match`` is the id that the match had then; it leads to the match for ever.
    """

    uid = serializers.CharField(source="hash")
    match = serializers.SerializerMethodField()
    by = serializers.SerializerMethodField()
    state_before = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    note = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = (
            *("uid", "match", "at", "by", "via", "action"),
            *("state_before", "state", "reason", "note"),
        )
        read_only_fields = fields

    def get_match(self, event: Event) -> str:
        """Return the id of the match."""
        return event.case.removeprefix("match:")

    def get_by(self, event: Event) -> str:
        """Return who decided; of a rule that the caller may not see only the kind."""
        return rule_names.actor_of(event)

    def get_state_before(self, event: Event) -> str:
        """Return the state before; empty if the event does not say it."""
        return str(event.before.get("state", ""))

    def get_state(self, event: Event) -> str:
        """Return the state afterwards; empty if the event does not say it."""
        return str(event.after.get("state", ""))

    def get_note(self, event: Event) -> str:
        """Return the note, as far as the caller may see what it names."""
        return rule_names.note_of(event)


class MatchDecisionsView(ChangesView[Event], name="decisions"):
    """Lists decisions on matches in files that are not deleted."""

    row = DecisionEventSerializer
    filters = AskedDecisionsSerializer
    changed = "at"

    def rows(self, query: Query) -> QuerySet[Event]:
        """Return the decisions, also those that later ones replaced."""
        rows = selectors.decisions()
        return rows.filter(case=f"match:{query['match']}") if query["match"] else rows


class AskedDisputesSerializer(AskedChangesSerializer):
    """Which disputes to return."""

    status = ChoiceField(choices=DisputeStatus.choices, required=False, default="")


class DisputesView(ChangesView[Dispute], name="disputes"):
    """Lists disputes of claims in files that are not deleted."""

    row = ListedDisputeSerializer
    filters = AskedDisputesSerializer

    def rows(self, query: Query) -> QuerySet[Dispute]:
        """Return the disputes."""
        rows = Dispute.objects.filter(match__scanned_file__deleted_at__isnull=True)
        rows = rows.select_related("match", "recorded_by", "answered_by")
        return rows.filter(status=query["status"]) if query["status"] else rows


class LicenceSerializer(serializers.ModelSerializer[Licence]):
    """A licence; it covers matches while it is ``active`` and not withdrawn or ended.

    ``buckets`` and ``recordings`` are ids, ``holder`` of the ``built_in`` one is this
    installation.
    """

    number = serializers.CharField(read_only=True)
    recordings = serializers.SlugRelatedField[Recording](
        slug_field="uid", many=True, read_only=True
    )
    evidence_name = serializers.CharField(
        read_only=True, help_text="The name of the file that proves it."
    )

    class Meta:
        model = Licence
        fields = (
            *("uid", "number", *Licence.TERMS, "evidence_name", "built_in", "active"),
            *("withdrawn_at", "created_at", "updated_at"),
        )
        read_only_fields = fields


class AskedLicencesSerializer(LICENCES.query_serializer(), AskedChangesSerializer):  # type: ignore[misc]  # made of the filters
    """Which licences to return."""


class LicencesView(ChangesView[Licence], name="licences"):
    """Lists licences."""

    row = LicenceSerializer
    filters = AskedLicencesSerializer

    def rows(self, query: Query) -> QuerySet[Licence]:
        """Return the licences, also drafts and those that ended."""
        recordings = Prefetch("recordings", Recording.objects.only("uid").order_by("pk"))
        rows = Licence.objects.prefetch_related("buckets", recordings)
        return LICENCES.select_for(query, rows)


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """A policy; of the enabled ones, the first by ``position`` that fits a match acts."""

    conditions = serializers.JSONField(read_only=True)
    assignee = serializers.CharField(source="assignee.username", default="", read_only=True)
    owner = serializers.CharField(source="owner.username", default="", read_only=True)
    changed_by = serializers.CharField(source="changed_by.username", default="", read_only=True)

    class Meta:
        model = Policy
        fields = (
            *("uid", "version", "position", "enabled", *Policy.TERMS, "conditions"),
            *("owner", "changed_by", "created_at", "updated_at"),
        )
        read_only_fields = fields


class PoliciesView(ChangesView[Policy], name="policies"):
    """Lists policies."""

    row = PolicySerializer

    def rows(self, query: Query) -> QuerySet[Policy]:
        """Return the policies, also those that are switched off."""
        return Policy.objects.select_related("assignee", "owner", "changed_by")


class ExclusionSerializer(serializers.ModelSerializer[Exclusion]):
    """An interval of a recording that makes no matches once it is ``approved``."""

    recording = serializers.CharField(source="recording.uid", read_only=True)
    created_by = serializers.CharField(source="created_by.username", default="", read_only=True)

    class Meta:
        model = Exclusion
        fields = (
            *("uid", "recording", "start_ms", "end_ms", "reason", "note", "approved"),
            *("created_by", "created_at", "removed_at", "updated_at"),
        )
        read_only_fields = fields


class AskedOfBucketSerializer(AskedChangesSerializer):
    """Which rows of the catalogue to return."""

    bucket = serializers.IntegerField(required=False, default=None, min_value=1)


class ExclusionsView(ChangesView[Exclusion], name="exclusions"):
    """Lists exclusions of recordings."""

    row = ExclusionSerializer
    filters = AskedOfBucketSerializer

    def rows(self, query: Query) -> QuerySet[Exclusion]:
        """Return the exclusions, also proposed and removed ones."""
        rows = Exclusion.objects.select_related("recording", "created_by")
        rows = rows.exclude(recording__bucket__in=_deleted_buckets())
        return rows.filter(recording__bucket=query["bucket"]) if query["bucket"] else rows


class RecordingSerializer(serializers.ModelSerializer[Recording]):
    """A recording of the catalogue; ``merged_into`` is the one that stands for it."""

    merged_into = serializers.SerializerMethodField()
    owner_share_pct = serializers.DecimalField(
        max_digits=5, decimal_places=2, allow_null=True, read_only=True
    )
    territories = serializers.ListField(child=serializers.CharField(), read_only=True)
    artists = serializers.ListField(child=serializers.CharField(), read_only=True)
    status = ChoiceField(choices=RecordingStatus.choices, read_only=True)

    class Meta:
        model = Recording
        fields = (
            *("uid", "acr_id", "bucket", *Recording.DETAILS, "full_title"),
            *("owner_share_pct", "territories", "status", "status_message"),
            *("too_little_sound", "duration_ms", "audio_sha256", "merged_into"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_merged_into(self, recording: Recording) -> str:
        """Return the id of the recording that stands for it, if the caller may see that."""
        stays = shown_for(recording)
        return "" if stays == recording else stays.uid


class RecordingsView(ChangesView[Recording], name="recordings"):
    """Lists the recordings of the catalogue."""

    row = RecordingSerializer
    filters = AskedOfBucketSerializer

    def rows(self, query: Query) -> QuerySet[Recording]:
        """Return the recordings of buckets that are not deleted, also retired ones."""
        rows = Recording.objects.exclude(bucket__in=_deleted_buckets())
        rows = rows.select_related("merged_into")
        return rows.filter(bucket=query["bucket"]) if query["bucket"] else rows


def _deleted_buckets() -> QuerySet[Bucket]:
    """Return the buckets to leave out: few, so that the order of changes leads the search."""
    return Bucket.objects.filter(deleted_at__isnull=False)
