"""Sums of 64 neighbouring pairs of places in each of four vector registers.

Numba turns a loop over 64 sums into loads and stores of each; written for LLVM, the sums
stay in registers of the processor and a landmark takes one load and one addition for each.
Four registers share the arithmetic that finds where a landmark's weights lie.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from recognition.index.places import BLOCK, BLOCKS, HALF, ROWS, SPAN
from recognition.jit import compiled_part

# Numba's own helpers have no types.
get_or_insert: Any = cgutils.get_or_insert_function
alloca: Any = cgutils.alloca_once_value

# A landmark near either end of a span weighs something in some of its blocks only:
# which ones, for each part of the span's landmarks.
_PARTS = [
    *(range(n) for n in range(1, BLOCKS)),
    range(BLOCKS),
    *(range(n, BLOCKS) for n in range(1, BLOCKS)),
]


@intrinsic  # type: ignore[untyped-decorator]  # mypy does not read Numba
def _block_sums(
    typing: Any,  # Any: Numba's typing context
    weights: Any,  # Any: the types of the arguments, from here on
    cells: Any,
    bins: Any,
    where: Any,
    sums: Any,
    most: Any,
) -> Any:  # Any: a signature and the function that generates the code
    """Generate the loop: loads and additions of 64 bytes for each landmark."""
    signature = types.void(weights, cells, bins, where, sums, most)

    def generate(context: Any, builder: Any, made: Any, args: Any) -> Any:  # Any: LLVM
        def data(number: int) -> Any:  # Any: an LLVM pointer
            kind = made.args[number]
            return context.make_array(kind)(context, builder, args[number])

        def function(kind: Any, name: str) -> Any:  # Any: an LLVM function
            return get_or_insert(builder.module, kind, name)

        rows = data(0)
        stride = builder.extract_value(rows.strides, 0)
        cell_data, bin_data = data(1).data, data(2).data
        limits, out, highest = data(3).data, data(4).data, data(5).data
        place = builder.load(limits)
        word = ir.IntType(64)
        lanes = ir.VectorType(ir.IntType(8), 64)
        kind = ir.FunctionType(lanes, [lanes, lanes])
        add = function(kind, "llvm.sadd.sat.v64i8")
        nothing = ir.Constant(lanes, [0] * BLOCK)
        totals = [alloca(builder, nothing) for _ in range(BLOCKS)]
        zero, rows_each = ir.Constant(word, 0), ir.Constant(word, ROWS)
        farthest = builder.sub(stride, ir.Constant(word, SPAN))
        for number, blocks in enumerate(_PARTS):
            first, last = (
                builder.load(builder.gep(limits, [ir.Constant(word, number + k)])) for k in (1, 2)
            )
            with cgutils.for_range(builder, builder.sub(last, first)) as loop:
                at = builder.add(first, loop.index)
                cell = builder.load(builder.gep(cell_data, [at]))
                row = builder.load(builder.gep(bin_data, [at]))
                cell = builder.sext(cell, word)
                away = builder.sub(place, builder.ashr(cell, ir.Constant(word, 1)))
                odd = builder.and_(cell, ir.Constant(word, 1))
                shift = builder.add(away, ir.Constant(word, SPAN))
                # Landmarks of a damaged file may lie anywhere: stay inside the row.
                low = builder.icmp_signed("<", shift, zero)
                shift = builder.select(low, zero, shift)
                high = builder.icmp_signed(">", shift, farthest)
                shift = builder.select(high, farthest, shift)
                row = builder.add(builder.zext(row, word), builder.mul(odd, rows_each))
                offset = builder.mul(row, stride)
                offset = builder.add(offset, shift)
                for block in blocks:
                    total = totals[block]
                    at = builder.add(offset, ir.Constant(word, block * BLOCK))
                    source = builder.bitcast(builder.gep(rows.data, [at]), lanes.as_pointer())
                    part = builder.load(source, align=1)
                    builder.store(builder.call(add, [builder.load(total), part]), total)
        half = ir.VectorType(ir.IntType(8), HALF)
        kind = ir.FunctionType(ir.IntType(8), [half])
        greatest = function(kind, f"llvm.vector.reduce.smax.v{HALF}i8")
        for block, total in enumerate(totals):
            result = builder.load(total)
            target = builder.gep(out, [ir.Constant(word, block * BLOCK)])
            builder.store(result, builder.bitcast(target, lanes.as_pointer()), align=1)
            for number, begin in enumerate(range(0, BLOCK, HALF)):
                chosen = ir.Constant(
                    ir.VectorType(ir.IntType(32), HALF), [*range(begin, begin + HALF)]
                )
                part = builder.shuffle_vector(result, result, chosen)
                target = builder.gep(highest, [ir.Constant(word, 2 * block + number)])
                builder.store(builder.call(greatest, [part]), target)
        return context.get_dummy_value()

    return signature, generate


_summed: Any = _block_sums  # Any: Numba adds the first argument


@compiled_part
def block_sums(
    weights: NDArray[np.int8],
    cells: NDArray[np.int32],
    bins: NDArray[np.uint8],
    where: NDArray[np.int64],
    sums: NDArray[np.int8],
    most: NDArray[np.int8],
) -> None:
    """Fill ``sums`` with the saturated sums of neighbouring pairs of places, and ``most``
    with the greatest of each half of a block.

    ``where`` is the first pair, and the bounds of the parts of the landmarks to add,
    in rising order: those that weigh nothing beyond the first block, the second and the
    third, those of all blocks, and those that weigh nothing before the second, the
    third and the last. ``weights`` is contiguous, with ``SPAN`` columns of nothing before
    and after the pairs; see ``RoughWeights``. ``sums`` and ``most`` have room for ``SPAN``
    and ``2 * BLOCKS``.
    """
    _summed(weights, cells, bins, where, sums, most)
