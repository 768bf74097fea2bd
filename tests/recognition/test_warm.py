"""``recognition.warm`` compiles all that adding, scanning and looking back need."""

from __future__ import annotations

import pytest

from recognition.fingerprints import hashes
from tests.processes import python

_WORK = """
import sys, tempfile
from pathlib import Path
from recognition import warm
from recognition.search import match
from recognition.api.sounds import read
from recognition.api.collection import BUCKET, Collection
from recognition.jit import Compiled
from recognition.search.retro import RetroIndex, search_back

def compiled():
    return {
        (function.__module__, function.__name__, signature)
        for name, module in list(sys.modules.items())
        if name.startswith("recognition")
        for function in vars(module).values()
        if isinstance(function, Compiled)
        for signature in function.dispatcher.signatures
    }

demo = Path(sys.argv[1])
warm.compile_all()
before = compiled()
with tempfile.TemporaryDirectory() as folder:
    collection = Collection(Path(folder) / "index", create=True)
    for path in sorted(demo.glob("*.opus")):
        made = read(path, "reference").fingerprint
        collection.add_many([(path.stem, made)])
    added = RetroIndex.of({1: made.reference})
    query = read(demo / "programmes" / "programme-evening.opus", "scan").fingerprint
    for hours in (1.0, 300.0, 6000.0):
        match.catalogue_hours = lambda _postings: hours
        result = match.scan(
            query,
            index=collection.store,
            buckets=[BUCKET],
            references=collection.references(),
        )
        assert result.segments
        search_back(query, added, hours=hours)
    collection.compact()
    collection.rebuild()
    assert collection.verify() == []
for module, name, signature in sorted(compiled() - before, key=str):
    print(f"{module}.{name}{signature}")
"""


@pytest.mark.slow
def test_no_search_compiles_what_was_not_compiled_before() -> None:
    done = python("-c", _WORK, "demo", check=True)

    assert done.stdout == ""


def test_a_part_of_compiled_functions_refuses_other_callers() -> None:
    with pytest.raises(TypeError, match="Only compiled functions can call mix"):
        hashes.mix(1, 2, 3)  # type: ignore[arg-type]  # refused before it is read
