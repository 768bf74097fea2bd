"""Writes all files of an evidence pack into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from base.common.storage import read_bytes
from recognition.audio import waveform
from recognition.types import Waveform
from reports.cells import offset
from reports.evidence import clips, drawings, explanations
from reports.evidence.clips import Cut
from reports.evidence.drawings import Picture
from reports.evidence.facts import CaseFacts, case_json, engine_json, licences_json, source_json
from reports.evidence.parts import drawn_parts
from reports.evidence.summary import Drawn, summary_pdf
from review.timeline import Kind
from scanning.models import ScannedFile

Report = Callable[[float], None]
# Share of the work done after each step.
_CLIPS_END, _DRAWN_END, _PICTURES_END = 0.6, 0.75, 0.9
_FACT_LANES = {
    Kind.SILENCE: "Silence",
    Kind.NOT_SCANNED: "Not scanned",
    Kind.NOT_DECODED: "Not decoded",
}


def assemble(
    facts: CaseFacts, folder: Path, *, with_reference: bool, key_id: str, report: Report
) -> None:
    """Write all files except those that seal the pack.

    ``report`` receives the share done, 0–1, and may raise to stop.
    """
    cut = clips.cut(
        facts,
        folder,
        with_reference=with_reference,
        report=lambda share: report(_CLIPS_END * share),
    )
    report(_CLIPS_END)
    pictures = draw(facts, cut, folder, lambda: report(_CLIPS_END))
    drawn = _write_pictures(pictures, folder, lambda: report(_DRAWN_END))
    case = _case(facts, cut, pictures)
    _write_json(folder / "case.json", case)
    _write_json(folder / "source" / "metadata.json", source_json(facts.match))
    _write_json(folder / "engine" / "answer.json", engine_json(facts))
    _write_json(folder / "licence" / "considered.json", licences_json(facts.match, facts.licences))
    (folder / "audit.jsonl").write_text(facts.chain, encoding="utf-8")
    if facts.anchors:
        (folder / "anchors.jsonl").write_text(facts.anchors, encoding="utf-8")
    for name, content in facts.tables.items():
        (folder / name).write_bytes(content)
    (folder / "summary.pdf").write_bytes(summary_pdf(facts, drawn, cut.gaps, key_id))
    _write_texts(facts, case, pictures, folder, key_id)
    report(_PICTURES_END)


def _case(facts: CaseFacts, cut: Cut, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return the content of ``case.json``. Any: JSON."""
    return {
        **case_json(facts),
        "in_words": explanations.sentences(facts),
        "decision_in_words": explanations.decision(facts),
        "clips": [
            {
                "file": clip.name,
                "segment": clip.segment,
                "side": clip.side,
                "start_ms": clip.start_ms,
                "end_ms": clip.end_ms,
            }
            for clip in cut.clips
        ],
        "pictures": [
            {"file": f"pictures/{picture.name}.svg", "title": picture.title, "text": picture.text}
            for picture in pictures
        ],
        "missing": list(cut.gaps),
    }


def _write_texts(
    facts: CaseFacts, case: dict[str, Any], pictures: Sequence[Picture], folder: Path, key_id: str
) -> None:
    """Write the files for people. Any: JSON."""
    context = {
        "facts": facts,
        "match": facts.match,
        "recording": facts.recording,
        "file": facts.file,
        "case": case,
        "parts": drawn_parts(facts.parts),
        "recording_pairs": explanations.of_recording(facts),
        "file_pairs": explanations.of_file(facts),
        "segments": _segment_rows(facts),
        "licence_words": explanations.licences(facts),
        "decisions": explanations.decisions(facts),
        "disputes": explanations.disputes(facts),
        "pictures": pictures,
        "key_id": key_id,
        "site": settings.ACRPORTAL_SITE_NAME,
    }
    with timezone.override(UTC):
        for name in ("case.html", "README.txt"):
            text = render_to_string(f"evidence/{name}", context)
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


def draw(facts: CaseFacts, cut: Cut, folder: Path, alive: Callable[[], None]) -> list[Picture]:
    """Draw each picture that has data; ``alive`` is called between them."""
    match, file, segments = facts.match, facts.file, facts.segments
    length = facts.line.length_ms
    pictures = [
        drawings.ribbon(facts.count, length, match.state, _fact_lanes(facts)),
        drawings.alignment(segments, facts.heard.duration_ms),
        drawings.coverage(match.source_share, match.reference_coverage_pct),
        *clips.draw_spectrograms(cut, segments, folder, alive),
    ]
    sound = _waveform(file)
    if sound is not None:
        pictures.insert(0, drawings.waveform(sound, facts.count, length, match.state))
    return pictures


def _segment_rows(facts: CaseFacts) -> list[dict[str, str]]:
    """Return the segments as text for the page."""
    return [
        {
            "source": f"{offset(segment.start_ms)} – {offset(segment.end_ms)}",
            "reference": f"{offset(segment.reference_start_ms)} – "
            f"{offset(segment.reference_end_ms)}",
            "length": f"{counted.length_ms / 1000:.3f} s",
            "counted": f"{counted.counted_ms / 1000:.3f} s",
            "speed": "" if segment.tempo_ratio is None else f"{segment.tempo_ratio:.3f}×",
            "pitch": "" if segment.pitch_cents is None else f"{segment.pitch_cents:+.0f}",
            "score": "" if segment.score is None else f"{segment.score:.1f}",
        }
        for counted in facts.count.segments
        for segment in (counted.segment,)
    ]


def _fact_lanes(facts: CaseFacts) -> list[tuple[str, Sequence[tuple[int, int]]]]:
    """Return the intervals of silence, and those not scanned or not decoded.

    Other unmatched intervals stay out: they would reveal where other recordings are.
    """
    lanes: list[tuple[str, Sequence[tuple[int, int]]]] = []
    for kind, name in _FACT_LANES.items():
        intervals = [(piece.start_ms, piece.end_ms) for piece in facts.line.of(kind)]
        if intervals:
            lanes.append((name, intervals))
    return lanes


def _waveform(file: ScannedFile) -> Waveform | None:
    name = file.waveform.name
    if not name or not file.waveform.storage.exists(name):
        return None
    try:
        return waveform.from_bytes(read_bytes(file.waveform))
    except ValueError:
        return None


def _write_pictures(
    pictures: Sequence[Picture], folder: Path, alive: Callable[[], None]
) -> list[Drawn]:
    target = folder / "pictures"
    target.mkdir()
    drawn = []
    for picture in pictures:
        alive()
        drawing = Drawn(picture, picture.png())
        (target / f"{picture.name}.svg").write_text(picture.svg, encoding="utf-8")
        (target / f"{picture.name}.png").write_bytes(drawing.png)
        drawn.append(drawing)
    alive()
    return drawn


def _write_json(path: Path, content: Any) -> None:  # Any: JSON
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
