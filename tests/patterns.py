"""Finds the regular expressions of the product, and the texts that each is slowest with."""

from __future__ import annotations

import ast
import importlib
import re
import signal
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]  # parsed patterns have no public form
from re import _parser  # type: ignore[attr-defined]
from statistics import median
from time import process_time
from types import FrameType
from typing import Any, Final

from tests import product

LENGTH: Final = 200_000
# Any in this module: patterns of texts and of bytes, and the nodes of their syntax.
_FUNCTIONS: Final = frozenset(
    ["compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"]
)
_MAKES: Final = re.compile(rf"\bre\.(?:{'|'.join(sorted(_FUNCTIONS))})\(")
_AT_THE_BEGINNING: Final = frozenset({"match", "fullmatch"})
# A quadratic pattern is seen with the shorter texts already, before it takes minutes.
_LENGTHS: Final = (2_000, 20_000, LENGTH)
# So many of the slowest texts are tried with the next length.
_SLOWEST: Final = {2_000: 12, 20_000: 4, LENGTH: 0}
# A repeat with a lower limit costs at most this often the length of the text.
_FEW: Final = 40
_CHARACTERS: Final = "a0 .,;:-_/\\\"'()[]<>&=+%\n\t\0Aé\u3000漢"
_ENDINGS: Final = ("", "\0", "!a")
_CATEGORIES: Final = {
    op.CATEGORY_SPACE: re.compile(r"\s"),
    op.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    op.CATEGORY_DIGIT: re.compile(r"\d"),
    op.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    op.CATEGORY_WORD: re.compile(r"\w"),
    op.CATEGORY_NOT_WORD: re.compile(r"\W"),
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, the place in the code that makes it, and how it is used."""

    place: str
    compiled: re.Pattern[Any]
    methods: frozenset[str]

    def seconds(self, text: str) -> float:
        """Return the processor time for a text, of the slowest way to use the pattern."""
        samples = (
            text.encode("latin-1", "replace") if isinstance(self.compiled.pattern, bytes) else text
        )
        return max(_seconds(call, samples) for call in self._calls())

    def _calls(self) -> Iterator[Callable[[Any], object]]:
        for method in self.methods & _AT_THE_BEGINNING:
            yield getattr(self.compiled, method)
        if not self.methods <= _AT_THE_BEGINNING:
            yield self.compiled.findall


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A regular expression that is made anew from values, at a place in the code."""

    place: str


class _TooLong(Exception):
    """The pattern took its limit of processor time."""


@cache
def limit_seconds() -> float:
    """Return the processor time that a pattern may take for ``LENGTH`` characters.

    This is what a plain pattern needs on this machine, many times; a quadratic one needs
    more than a hundred times as much again.
    """
    plain, text = re.compile("[a-z ]"), "a" * LENGTH
    needed = median(_seconds(plain.findall, text) for _again in range(5))
    return max(0.1, 15 * needed)


def slow_text(pattern: Pattern) -> str:
    """Return a description of a text that takes the pattern too long, or ""."""
    tried = list(shapes(pattern.compiled))
    for length in _LENGTHS:
        taken = {}
        for shape in tried:
            taken[shape] = _taken(pattern, shape, length)
            # Another program may have disturbed one measurement.
            if taken[shape] > limit_seconds() and all(
                _taken(pattern, shape, length) > limit_seconds() for _again in range(2)
            ):
                return f"{length} characters of {shape}"
        tried = sorted(tried, key=taken.__getitem__, reverse=True)[: _SLOWEST[length]]
    return ""


def _taken(pattern: Pattern, shape: Shape, length: int) -> float:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 4 * limit_seconds())
    try:
        return pattern.seconds(shape.text(length))
    except _TooLong:
        return 4 * limit_seconds()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _seconds(call: Callable[[Any], object], text: object) -> float:
    before = process_time()
    call(text)
    return process_time() - before


# Finding the patterns


def patterns() -> Iterator[Pattern | Unlisted]:
    """Yield each regular expression of the product's code."""
    texts = dict(_texts())
    trees = {module: ast.parse(text) for module, text in texts.items() if _MAKES.search(text)}
    # Only modules that make a pattern, or name such a module, can use one: parsing all takes long.
    names = "|".join(re.escape(module.rpartition(".")[2]) for module in trees)
    names_one = re.compile(rf"\b(?:{names})\.[A-Za-z_]")
    uses = {
        module: _uses(trees.get(module) or ast.parse(text))
        for module, text in texts.items()
        if module in trees or names_one.search(text)
    }
    for module, tree in trees.items():
        calls = list(filter(_is_pattern, ast.walk(tree)))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for call in calls:
            yield from _patterns_of(module, call, parents, uses)


def product_modules() -> Iterator[tuple[str, ast.Module]]:
    return ((module, ast.parse(text)) for module, text in _texts())


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the source of each module of the product."""
    for path in product.files(".py"):
        name = product.name_of(path.with_suffix("")).replace("/", ".")
        yield name.removesuffix(".__init__"), path.read_text()


def _is_pattern(node: ast.AST) -> bool:
    """Return whether a node calls a function of ``re`` that takes a pattern."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _FUNCTIONS
    )


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """Return the methods that a module calls on each name; "" where it hands it on.

    A name of another module has the last part of that module's name before it.
    """
    uses: dict[str, set[str]] = defaultdict(set)
    called = {
        node.value: node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in _FUNCTIONS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            uses[node.id].add(called.get(node, ""))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            uses[f"{node.value.id}.{node.attr}"].add(called.get(node, ""))
    return uses


def _patterns_of(
    module: str,
    call: Any,
    parents: Mapping[ast.AST, ast.AST],
    uses: Mapping[str, Mapping[str, set[str]]],
) -> Iterator[Pattern | Unlisted]:
    place = f"{module}:{call.lineno}"
    method = call.func.attr
    parent = parents[call]
    target = getattr(parent, "target", None) or next(iter(getattr(parent, "targets", ())), None)
    name = target.id if isinstance(target, ast.Name) else ""
    methods = frozenset({method})
    if method == "compile":
        last = f"{module.rpartition('.')[2]}.{name}"
        elsewhere = [names.get(last, set()) for names in uses.values()]
        methods = frozenset(uses[module].get(name, set()).union(*elsewhere) or {""})
    if isinstance(call.args[0], ast.Constant):
        yield Pattern(place, re.compile(call.args[0].value, _flags(call)), methods)
        return
    inside = parent
    while inside in parents and not isinstance(inside, ast.FunctionDef):
        inside = parents[inside]
    if isinstance(inside, ast.FunctionDef):
        yield Unlisted(f"{module}.{inside.name}")
        return
    # Made once, of other constants, while the module is imported.
    made = vars(importlib.import_module(module))
    values = [made[name]] if name in made else made.values()
    for compiled in dict.fromkeys(_compiled(values)):
        yield Pattern(place, compiled, methods)


def _flags(call: ast.Call) -> int:
    nodes = [word.value for word in call.keywords if word.arg == "flags"]
    if isinstance(call.func, ast.Attribute):
        # The other arguments are texts and counts.
        at = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)
        nodes += call.args[at : at + 1]
    text = "|".join(ast.unparse(flag) for flag in nodes) or "0"
    return int(eval(text, {"re": re}))  # noqa: S307 - flags as the code names them


def _compiled(values: Iterable[object]) -> Iterator[re.Pattern[Any]]:
    for value in values:
        if isinstance(value, re.Pattern):
            yield value
        elif isinstance(value, tuple | list):
            yield from _compiled(value)
        elif isinstance(value, dict):
            yield from _compiled(value.values())


# The texts that a pattern is slowest with


@dataclass(frozen=True, slots=True)
class Shape:
    """A text of any length: a beginning, a part that is repeated, and an ending."""

    first: str
    repeated: str
    last: str

    def text(self, length: int) -> str:
        times = max(1, (length - len(self.first) - len(self.last)) // len(self.repeated))
        return f"{self.first}{self.repeated * times}{self.last}"

    def __str__(self) -> str:
        return f"{self.first!r} + {self.repeated!r} … + {self.last!r}"


def shapes(compiled: re.Pattern[Any]) -> Iterator[Shape]:
    """Yield texts that begin to match a pattern in as many places as they can.

    They repeat what one of its repeats takes, what comes before that repeat, and both,
    and end with what nothing takes.
    """
    parsed = list(_parser.parse(compiled.pattern, compiled.flags))
    whole = next(iter(_samples(parsed)), "")
    parts = {whole[:end] for end in range(1, min(len(whole), 40) + 1)}
    parts |= {whole[start:] for start in range(1, min(len(whole), 40))}
    parts |= set(whole[:40])
    made = {Shape("", part, last) for part in parts for last in _ENDINGS}
    repeats = list(_repeats(parsed, ""))
    for before, body in repeats:
        # A repeat that takes what leads from it to a later one, again and again.
        for later in {later for later, _body in repeats if later.startswith(before)}:
            if later != before:
                made |= {Shape(before, later[len(before) :], last) for last in _ENDINGS}
        for sample in _samples(body, most=8):
            if sample:
                made |= {
                    Shape(first, repeated, last)
                    for first, repeated in (
                        (before, sample),
                        ("", sample),
                        ("", before + sample),
                        ("", sample + " "),
                    )
                    for last in _ENDINGS
                }
        if before:
            made |= {Shape("", before, last) for last in _ENDINGS}
    yield from sorted(made, key=str)


def _repeats(nodes: Sequence[Any], before: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield each long repeat with a text that leads to it."""
    for node in nodes:
        kind, value = node
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            _least, most, body = value
            if most is op.MAXREPEAT or most > _FEW:
                yield before, list(body)
        for inner in _inner(node):
            yield from _repeats(inner, before)
        before += next(iter(_samples([node])), "")


def _inner(node: Any) -> list[list[Any]]:
    kind, value = node
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return [list(value[2])]
    if kind is op.SUBPATTERN:
        return [list(value[3])]
    if kind is op.ATOMIC_GROUP:
        return [list(value)]
    if kind is op.BRANCH:
        return [list(branch) for branch in value[1]]
    return []


def _samples(nodes: Sequence[Any], most: int = 1) -> list[str]:
    """Return up to ``most`` short texts that a sequence of nodes takes."""
    texts = [""]
    for node in nodes:
        options = _options(node, most) or [""]
        texts = [text + option for text in texts for option in options][: max(1, most)]
    return texts


def _options(node: Any, most: int) -> list[str]:
    kind, value = node
    if kind is op.LITERAL:
        return [chr(value)]
    if kind in (op.IN, op.NOT_LITERAL, op.ANY):
        return _members(kind, value)[:most]
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        least, _most, body = value
        # One more than none, so that optional parts are there.
        return [text * max(1, least) for text in _samples(list(body), most)]
    inner = _inner(node)
    return [text for branch in inner for text in _samples(branch, most)][: max(most, 1)]


def _members(kind: Any, value: Any) -> list[str]:
    """Return characters that a class takes, of as many kinds as it has."""
    if kind is op.ANY:
        return list(_CHARACTERS)
    items = value if kind is op.IN else [(op.NEGATE, None), (op.LITERAL, value)]
    starts = [_first_of(item) for item in items]
    return [
        character for character in [*filter(None, starts), *_CHARACTERS] if _takes(items, character)
    ]


def _first_of(item: Any) -> str:
    kind, value = item
    if kind is op.LITERAL:
        return chr(value)
    return chr(value[0]) if kind is op.RANGE else ""


def _takes(items: Sequence[Any], character: str) -> bool:
    """Return whether a class takes a character."""
    number = ord(character)
    taken = any(
        (kind is op.LITERAL and value == number)
        or (kind is op.RANGE and value[0] <= number <= value[1])
        or (kind is op.CATEGORY and _CATEGORIES[value].match(character) is not None)
        for kind, value in items
    )
    return taken is not (items[0][0] is op.NEGATE)
