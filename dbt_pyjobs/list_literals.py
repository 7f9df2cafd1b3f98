"""Write Arrow lists as PostgreSQL array and vector literals, without a Python loop."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def is_list(kind: pa.DataType) -> bool:
    """Return whether a type is one of Arrow's list types."""
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def elements_of(array: pa.Array) -> pa.Array:
    """Return the elements of all lists that are not null."""
    if pa.types.is_fixed_size_list(array.type):
        array = pc.cast(array, pa.list_(array.type.value_type))
    return array.flatten()


def join_lists(array: pa.Array, texts: pa.Array, opening: str, end: str) -> pa.Array:
    """Join the texts of all elements list by list.

    Parameters
    ----------
    array
        Lists, n of them; null ones stay null.
    texts
        One text per element, in the order of `elements_of`.
    opening, end
        What each list's text begins and ends with.

    Returns
    -------
    pyarrow.StringArray
        n texts.
    """
    lengths = pc.fill_null(
        pc.if_else(pc.is_valid(array), pc.list_value_length(array), 0), 0
    )
    offsets = pa.concat_arrays(
        [pa.array([0], pa.int32()), pc.cast(pc.cumulative_sum(lengths), pa.int32())]
    )
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), ",")
    literal = pc.binary_join_element_wise(opening, joined, end, "")
    return pc.if_else(pc.is_valid(array), literal, pa.scalar(None, pa.string()))
