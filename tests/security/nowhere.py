"""Models whose rows belong to no container or bucket, and who sees them."""

from __future__ import annotations

from tests.registered import Table

NOWHERE: Table[str, str] = Table(
    {
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
        "rights.Conflict": "as titles",
        "rights.Share": "seen with its work or recording",
        "reports.ReportTemplate": "made for everybody; it holds filters, not rows",
        "reports.ReportSchedule": "its maker's; all of them for those who configure",
        "reports.ReportDelivery": "as its schedule",
        "statements.Statement": "for who may see its subject",
        "statements.StatementStep": "seen with its statement",
        "statements.StatementFile": "seen with its statement",
        "statements.StatementFact": "seen with its statement",
        "statements.StatementCheck": "a note of the worker, shown nowhere",
        "catalogue.CatalogueState": "how far the index is counted, shown as a number",
        "catalogue.IndexEntry": "a note of the worker, shown nowhere",
        "catalogue.IndexCopy": "a machine's copy of the index, shown with the jobs",
        "imports.ImportStep": "seen with its import",
        "jobs.Installation": "a banner for everybody; it names a backup and an admin",
        "jobs.Machine": "the duties of a machine, shown with the jobs",
        "jobs.Job": "shown through the row that it works on",
        "acrapi.RepeatableCall": "found by the token that made it, shown nowhere",
    }
)
