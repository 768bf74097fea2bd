"""The description of a declaration's file for its recipients."""

from __future__ import annotations

from plugins.monitoring.declarations.models import Declaration
from reports.manifest import SOFTWARE


def declaration_manifest(declaration: Declaration) -> dict[str, object]:
    """Return the manifest of a written declaration, with the hashes of its files."""
    profile = declaration.profile_as_was
    replaced = declaration.replaces
    return {
        "declaration_id": declaration.uid,
        "message_id": declaration.message_id,
        "message_created_at": declaration.message_at.isoformat(),
        "replaces_message_id": replaced.message_id if replaced is not None else None,
        "name": declaration.name,
        "profile": profile.get("name", ""),
        "format": declaration.format,
        "format_version": declaration.format_version,
        "period": {
            "first_day": declaration.begins.isoformat(),
            "last_day": declaration.ends.isoformat(),
        },
        "stations": profile.get("stations", []),
        "signed_by": {"name": profile.get("signer", ""), "title": profile.get("signer_title", "")},
        "as_of_event": declaration.as_of_event,
        "totals": {
            "plays": declaration.play_count,
            "played_ms": declaration.played_ms,
            "recordings": declaration.recording_count,
            "lines": declaration.line_count,
            "states": dict(sorted(declaration.counts.get("states", {}).items())),
        },
        "not_declared": dict(sorted(declaration.counts.get("undeclared", {}).items())),
        **({"within": declaration.counts["within"]} if "within" in declaration.counts else {}),
        "changed_to_fit": declaration.changed,
        "files": [
            {
                "name": declaration.file_name,
                "size_bytes": declaration.size_bytes,
                "sha256": declaration.sha256,
            },
            {"name": UNDECLARED_NAME, "sha256": declaration.undeclared_sha256},
            {"name": FACTS_NAME, "sha256": declaration.facts_sha256},
        ],
        "software": SOFTWARE,
        "written_at": declaration.finished_at.isoformat() if declaration.finished_at else None,
        "written_by": declaration.run_by_name,
    }


UNDECLARED_NAME = "undeclared.csv"
FACTS_NAME = "facts.jsonl"
