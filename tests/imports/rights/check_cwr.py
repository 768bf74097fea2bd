"""A second reader of CWR, written from the standard's tables alone.

It shares no code with ``imports.rights`` and checks nothing: it takes a correct file
apart, so that a test can compare what both read.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def cut(line: str, start: int, size: int) -> str:
    """Return a field by its position, counted from 1."""
    return line[start - 1 : start - 1 + size].strip()


@dataclass
class CheckedWork:
    """A work: owned shares as (name, role, right, hundredths), collected ones too."""

    number: str
    title: str
    iswc: str
    owned: list[tuple[str, str, str, int]] = field(default_factory=list)
    collected: list[tuple[str, str, int, tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=list
    )
    titles: list[tuple[str, str]] = field(default_factory=list)
    isrcs: list[str] = field(default_factory=list)
    eans: list[str] = field(default_factory=list)


OWNED = {
    "SPU": ((22, 9), (31, 45), (77, 2), (116, 124, 132)),
    "OPU": ((22, 9), (31, 45), (77, 2), (116, 124, 132)),
    "SWR": ((20, 9), (29, 45), (105, 2), (130, 138, 146)),
    "OWR": ((20, 9), (29, 45), (105, 2), (130, 138, 146)),
}
COLLECTED = {"SPT": (35, 50), "OPT": (35, 50), "SWT": (29, 44), "OWT": (29, 44)}


def read(content: bytes) -> list[CheckedWork]:
    """Return the works of a correct file."""
    works: list[CheckedWork] = []
    for line in content.decode().split("\r\n"):
        kind = line[:3]
        if kind in ("NWR", "REV"):
            number, title, iswc = (
                cut(line, *at) for at in ((82, 14), (20, 60), (96, 11))
            )
            works.append(CheckedWork(number, title, iswc))
        elif kind in OWNED:
            works[-1].owned += owned(line)
        elif kind in COLLECTED:
            collect(line, works[-1])
        elif kind == "ALT":
            works[-1].titles.append((cut(line, 20, 60), cut(line, 80, 2)))
        elif kind == "REC":
            works[-1].isrcs.append(cut(line, 250, 12))
            works[-1].eans.append(cut(line, 237, 13))
    return works


def owned(line: str) -> list[tuple[str, str, str, int]]:
    """Return the owned shares of a record."""
    _, name, role, shares = OWNED[line[:3]]
    sizes = [int(cut(line, start, 5) or 0) for start in shares]
    return [
        (cut(line, *name), cut(line, *role), right, size)
        for right, size in zip(("PR", "MR", "SR"), sizes, strict=True)
        if size
    ]


def collect(line: str, work: CheckedWork) -> None:
    """Add the collected shares of a record, or subtract its territory."""
    first, sign = COLLECTED[line[:3]]
    party, territory = cut(line, 20, 9), cut(line, sign + 1, 4)
    if cut(line, sign, 1) == "E":
        work.collected = [
            (*each[:4], (*each[4], territory)) if each[0] == party else each
            for each in work.collected
        ]
        return
    for number, right in enumerate(("PR", "MR", "SR")):
        if size := int(cut(line, first + 5 * number, 5) or 0):
            work.collected.append((party, right, size, (territory,), ()))
