"""Sums of 64 neighbouring places in one vector register of the processor.

Numba turns a loop over 64 sums into loads and stores of each; written for LLVM, the sums
stay in a register and a landmark takes one load and one addition.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import int64, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from recognition.jit import compiled

# Numba's own helpers have no types.
get_or_insert: Any = cgutils.get_or_insert_function
alloca: Any = cgutils.alloca_once_value
tuple_of: Any = types.UniTuple

BLOCK = 64  # places whose sums are computed together


@intrinsic
def _block_sums(
    typing: Any,  # Any: Numba's typing context
    weights: Any,  # Any: the types of the arguments, from here on
    cells: Any,
    bins: Any,
    where: Any,
    sums: Any,
) -> Any:  # Any: a signature and the function that generates the code
    """Generate the loop: one load and one addition of 64 bytes for each landmark."""
    signature = int64(weights, cells, bins, tuple_of(int64, 3), sums)

    def generate(context: Any, builder: Any, made: Any, args: Any) -> Any:  # Any: LLVM
        def data(number: int) -> Any:  # Any: an LLVM pointer
            kind = made.args[number]
            return context.make_array(kind)(context, builder, args[number])

        def function(kind: Any, name: str) -> Any:  # Any: an LLVM function
            return get_or_insert(builder.module, kind, name)

        rows = data(0)
        stride = builder.extract_value(rows.strides, 0)
        cell_data, bin_data, out = data(1).data, data(2).data, data(4).data
        word = ir.IntType(64)
        lanes = ir.VectorType(ir.IntType(8), 64)
        kind = ir.FunctionType(lanes, [lanes, lanes])
        add = function(kind, "llvm.sadd.sat.v64i8")
        total = alloca(builder, ir.Constant(lanes, [0] * 64))
        first, last, place = (builder.extract_value(args[3], k) for k in range(3))
        count = builder.sub(last, first)
        zero = ir.Constant(word, 0)
        farthest = builder.sub(stride, ir.Constant(word, BLOCK))
        with cgutils.for_range(builder, count) as loop:
            number = builder.add(first, loop.index)
            cell = builder.load(builder.gep(cell_data, [number]))
            row = builder.load(builder.gep(bin_data, [number]))
            away = builder.sub(place, builder.sext(cell, word))
            shift = builder.add(away, ir.Constant(word, BLOCK))
            # Landmarks of a damaged file may lie anywhere: stay inside the row.
            low = builder.icmp_signed("<", shift, zero)
            shift = builder.select(low, zero, shift)
            high = builder.icmp_signed(">", shift, farthest)
            shift = builder.select(high, farthest, shift)
            offset = builder.mul(builder.zext(row, word), stride)
            offset = builder.add(offset, shift)
            source = builder.gep(rows.data, [offset])
            part = builder.load(builder.bitcast(source, lanes.as_pointer()), align=1)
            builder.store(builder.call(add, [builder.load(total), part]), total)
        result = builder.load(total)
        builder.store(result, builder.bitcast(out, lanes.as_pointer()), align=1)
        kind = ir.FunctionType(ir.IntType(8), [lanes])
        most = function(kind, "llvm.vector.reduce.smax.v64i8")
        return builder.sext(builder.call(most, [result]), word)

    return signature, generate


_summed: Any = _block_sums  # Any: Numba adds the first argument


@compiled
def block_sums(
    weights: NDArray[np.int8],
    cells: NDArray[np.int32],
    bins: NDArray[np.uint8],
    where: tuple[int, int, int],
    sums: NDArray[np.int8],
) -> int:
    """Fill ``sums`` with the saturated sums of 64 places; return the greatest.

    ``where`` are the first landmark to add, the last but one, and the first place.
    ``weights`` is contiguous, of shape [bins, 64 + cells + 64].
    """
    return int(_summed(weights, cells, bins, where, sums))
