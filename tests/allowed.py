"""Modules of the product that may do what a test refuses, and why."""

from __future__ import annotations

from tests.registered import Table

OWN_JSON: Table[str, str] = Table(
    {
        "acrportal/advisories.py": "a file of the repository",
        "base/common/sealed_sessions.py": "sealed with the portal's key",
        "operations/backup.py": "a scratch file of the same backup",
        "operations/moving.py": "the state of a move on this machine",
        "operations/tables.py": "tables of a backup, whose hashes were compared",
        "web/portal/management/demo.py": "what the demo kept",
        "recognition/api/collection.py": "an index, with its checksums",
        "recognition/index/manifest.py": "an index, with its checksums",
        "recognition/isolation/wire.py": "in the child: the request of its parent",
        "recognition/partitioned/scanning.py": "the state of a search",
        "reports/stored_rows.py": "what a report kept",
        "scanning/callback_processing.py": "a body that was read when it came",
        "scanning/engines/acrcloud_results.py": "text that the function wrote itself",
    }
)
"""Modules that read what the portal or the engine wrote itself, and where."""

PLAIN_CSV: Table[str, str] = Table(
    {
        "base/common/csv_safety.py": "it is the guard",
        "reports/cells.py": "guards by the type of each column, so that −5 stays a number",
    }
)
"""Modules with a plain writer of CSV, and why."""
