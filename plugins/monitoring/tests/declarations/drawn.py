"""Declarations drawn at random, with values that files could stumble over."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from plugins.monitoring.declarations.facts import Contributor, DeclarationFacts
from plugins.monitoring.declarations.formats.base import DeclarationFormat
from plugins.monitoring.tests.declarations.samples import RECORDING, STATION, facts, play

HOSTILE = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="\t|^\\\r\n\x85\u2028;~`=+-@\"'# A", max_size=30),
    st.sampled_from(["😀 smile", "=HYPERLINK(1)", "x" * 10_000, "a::b", "\x00", "Żółć"]),
)


# Names of files hold so much of the names of stations and services.
NAMES = HOSTILE.map(lambda text: text[:15])


@st.composite
def declarations(draw: st.DrawFn) -> DeclarationFacts:
    """Draw a declaration with two stations and some recordings, played at random."""
    stations = (
        replace(STATION, name=f"A {draw(NAMES)}"),
        replace(STATION, uid="st_2", name=f"B {draw(NAMES)}", performances=7),
    )
    recordings = tuple(
        replace(
            RECORDING,
            uid=f"rec_{number}",
            own_id=draw(HOSTILE),
            title=draw(HOSTILE),
            version_title=draw(HOSTILE),
            artists=(draw(HOSTILE), draw(HOSTILE)),
            label=draw(HOSTILE),
            album=draw(HOSTILE),
            catalogue_number=draw(HOSTILE),
            writers=(
                Contributor(draw(HOSTILE), "CA", draw(st.sampled_from(["", "00000815140"]))),
                Contributor(draw(HOSTILE), draw(st.sampled_from(["", "C", "AR", "A"]))),
            ),
            publishers=(Contributor(draw(HOSTILE), "E"),),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    pairs = draw(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, len(recordings) - 1)), max_size=8)
    )
    plays = tuple(
        play(
            number,
            station=stations[station].uid,
            recording=recordings[recording].uid,
            listeners=draw(st.integers(0, 10**9)),
            played_ms=draw(st.integers(0, 10**7)),
        )
        for number, (station, recording) in enumerate(sorted(pairs), start=1)
    )
    return facts(
        service=f"S{draw(NAMES)}",
        message_id=f"M{draw(HOSTILE)}",
        stations=stations,
        recordings=recordings,
        plays=plays,
    )


def fitting(layout: DeclarationFormat, declared: DeclarationFacts) -> DeclarationFacts:
    """Return the declaration without the recordings that the format refuses."""
    refused = {gap.uid for gap in layout.gaps(declared)}
    if refused & {"", "st_2", STATION.uid}:
        # Something else than recordings is refused, such as a name that ASCII lacks.
        declared = replace(
            declared,
            service="S",
            stations=tuple(replace(station, name=station.uid) for station in declared.stations),
        )
    return replace(
        declared,
        recordings=tuple(
            recording for recording in declared.recordings if recording.uid not in refused
        ),
        plays=tuple(play for play in declared.plays if play.recording not in refused),
    )
