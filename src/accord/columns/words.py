"""Bytes taken many at a time in compiled code: what numba has no words for and every processor does.

Each function is compiled into its caller; none checks bounds, so an array must hold as many bytes as is said.
"""

import sys
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic

BLOCK = 64
"""Bytes that `equal_mask` looks at."""

intrinsic: Callable[[Callable[..., Any]], Callable[..., Any]] = numba_intrinsic
"""numba calls what it decorates with types; compiled code calls it with values."""

_I8, _I64 = ir.IntType(8), ir.IntType(64)


def _at(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """A pointer to a byte of a numba array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def equal_mask(typing: Any, data: Any, at: Any, byte: Any) -> Any:
    """Bit i: `data[at + i] == byte`, for BLOCK bytes. One comparison of a vector register or a few."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(_I8, BLOCK)
        pointer = _at(context, builder, signature.args[0], arguments[0], arguments[1])
        block = builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
        wanted = builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)
        return builder.bitcast(builder.icmp_unsigned("==", block, wanted), _I64)

    return types.uint64(data, types.int64, types.uint8), generate


@intrinsic
def high_mask(typing: Any, data: Any, at: Any) -> Any:
    """Bit i: `data[at + i]` is no ASCII, for BLOCK bytes."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(_I8, BLOCK)
        pointer = _at(context, builder, signature.args[0], arguments[0], arguments[1])
        block = builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)
        return builder.bitcast(builder.icmp_signed("<", block, ir.Constant(vector, [0] * BLOCK)), _I64)

    return types.uint64(data, types.int64), generate


@intrinsic
def load_word(typing: Any, data: Any, at: Any) -> Any:
    """The 8 bytes from `data[at]`, the first one lowest."""
    del typing

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _at(context, builder, signature.args[0], arguments[0], arguments[1])
        word = builder.load(builder.bitcast(pointer, _I64.as_pointer()), align=1)
        return word if sys.byteorder == "little" else builder.bswap(word)

    return types.uint64(data, types.int64), generate


@intrinsic
def trailing_zeros(typing: Any, word: Any) -> Any:
    """How many bits below the lowest one are 0; 64 for 0."""
    del typing, word

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def ones(typing: Any, word: Any) -> Any:
    """How many bits are 1."""
    del typing, word

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate
