"""Addresses that write when they are read."""

from __future__ import annotations

from tests.registered import Table

# Addresses that note a GET, with the start of what they write, and why.
NOTED: Table[str, tuple[tuple[str, ...], str]] = Table(
    {
        r"/statements/[^/]+/files/[^/]+/?$": (('INSERT INTO "audit_event"',), "a download"),
        r"^/files/[^/]+/cue-sheet\.(csv|xlsx|pdf)$": (
            (
                'INSERT INTO "audit_event"',
                *('INSERT INTO "statements_', 'UPDATE "statements_'),
                'DELETE FROM "statements_statementf',
            ),
            "a download, and the draft that somebody has now",
        ),
        r"^/reports/summary/rows\.csv$": (('INSERT INTO "audit_event"',), "a download"),
        r"^/m/[^/]+$": (
            ('UPDATE "review_match" SET "state"', 'INSERT INTO "audit_event"'),
            "the review lock of who opens a match",
        ),
        r"/presigned-upload$": (
            ('INSERT INTO "acrapi_stagedupload"',),
            "the protocol asks for an upload address so",
        ),
    }
)
