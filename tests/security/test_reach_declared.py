"""Every model declares the containers and buckets of its rows, or why it has none."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from accounts.models import User
from accounts.reach import LimitKind, ReachManager
from catalogue.models import Bucket
from common.words import own_models
from scanning.models import Container
from tests.borders import with_monitoring

# Models whose rows belong to no container or bucket, and who sees them.
NOWHERE = {
    "accounts.User": "people, for those who manage them",
    "accounts.KnownPlace": "shown to those who manage people",
    "accounts.AccessLimit": "the limits themselves, for those who manage people",
    "accounts.ApiToken": "one's own; all of them for those who manage people",
    "audit.Event": "hidden from people with limits, but for the history of what they see",
    "audit.Anchor": "hidden from people with limits",
    "scanning.CloudAccount": "for those who configure",
    "scanning.CloudDeletion": "for those who configure; what it names is gone here",
    "scanning.Project": "for those who configure; it names its buckets itself",
    "scanning.PartitionSearch": "a note of scans and requests, shown nowhere",
    "scanning.PartitionQuestion": "as searches of partitions",
    "scanning.UploadPiece": "found by its upload, shown nowhere",
    "scanning.RetroSearch": "for who may see one of its recordings",
    "review.SavedView": "its owner's, or shared; it holds filters, not rows",
    "dedup.DedupGroup": "for who may see one of its members",
    "dedup.SharedLoop": "for who may see one of its places",
    "dedup.CheckedRecording": "a note of the worker, shown nowhere",
    "rights.Party": "for who may see one of its shares, or if it has none",
    "rights.Work": "for who may see one of its recordings, or if it has none",
    "rights.RightsRecording": "for who may see a recording that it stands for, if any",
    "rights.Release": "as works",
    "rights.Track": "seen with its release",
    "rights.WorkNumber": "seen with its work",
    "rights.OtherTitle": "seen with its work, recording or release",
    "rights.Statement": "as titles",
    "rights.Share": "seen with its work or recording",
    "rights.Conflict": "as titles",
    "streams.Station": "a name for everybody; its streams lie in containers",
    "broadcasts.Audience": "figures of a station, for everybody; its file is not shown",
    "broadcasts.Revenue": "figures of a station, for managers",
    "recurring.UnknownItem": "for who may see one of its occurrences",
    "platforms.PlatformAccount": "a name and days for everybody; its rows are limited",
    "platforms.PolicyTerms": "seen with its claims",
    "platforms.ReportedValue": "words of a platform, for everybody",
    "platforms.PriorValues": "a note of the worker, shown nowhere",
    "platforms.ClaimFileRow": "seen with its file",
    "platforms.GroundChange": "a note of the worker, shown nowhere",
    "declarations.DeclarationProfile": "made for everybody; it holds no plays",
    "reports.EngineTrial": "for those who configure; judges see its account's name",
    "reports.ReportTemplate": "made for everybody; it holds filters, not rows",
    "reports.ReportSchedule": "its maker's; all of them for those who configure",
    "reports.ReportDelivery": "as its schedule",
    "reports.TakedownNotice": "for who may see all of its matches",
    "statements.Statement": "for who may see its subject",
    "statements.StatementStep": "seen with its statement",
    "statements.StatementFile": "seen with its statement",
    "statements.StatementFact": "seen with its statement",
    "statements.StatementCheck": "a note of the worker, shown nowhere",
    "catalogue.CatalogueState": "how far the index is counted, shown as a number",
    "catalogue.IndexEntry": "a note of the worker, shown nowhere",
    "catalogue.IndexCopy": "a machine's copy of the index, shown with the jobs",
    "enrichment.EnrichmentSource": "a file for everybody; suggestions lie in buckets",
    "enrichment.SafeMark": "figures for everybody, without recordings",
    "imports.ImportStep": "seen with its import",
    "imports.Moved": "for those who configure, whose accounts it comes from",
    "jobs.Installation": "a banner for everybody; it names a backup and an admin",
    "jobs.Machine": "the duties of a machine, shown with the jobs",
    "jobs.Job": "shown through the row that it works on",
    "acrapi.RepeatableCall": "found by the token that made it, shown nowhere",
}
_LEADS_TO: dict[str, type[Model]] = {
    LimitKind.CONTAINERS: Container,
    LimitKind.BUCKETS: Bucket,
    "owner": User,
}

OWN = list(own_models())
LIMITED = [model for model in OWN if hasattr(model, "reach")]


@with_monitoring
def test_every_model_says_where_its_rows_lie() -> None:
    labels = {model._meta.label for model in OWN}
    silent = labels - {model._meta.label for model in LIMITED}

    assert silent == set(NOWHERE), (
        "Give a new model 'reach' and a ReachManager, or say in NOWHERE why it needs "
        "none and who sees its rows."
    )


def test_what_a_model_says_is_so() -> None:
    for model in LIMITED:
        # Each has the attribute, but no common base class declares it.
        reach: Any = model.reach
        ways = [*reach.ways(), ("owner", reach.owner)]

        assert reach.hidden or any(way for _, way in ways), model
        assert isinstance(model._default_manager, ReachManager), model
        for kind, way in ways:
            if way:
                assert _end_of(model, way) is _LEADS_TO[kind], (model, way)


def _end_of(model: type[Model], way: str) -> object:
    here: Any = model  # Any: from a field to its model, step by step
    for name in way.split("__"):
        here = here if name == "pk" else here._meta.get_field(name).related_model
    return here
