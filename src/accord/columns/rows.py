"""Some rows of a table."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def rows_of(table: pa.Table, numbers: npt.NDArray[np.int64]) -> pa.Table:
    """The rows with these numbers, ascending; where they follow each other, nothing is copied."""
    if len(numbers) and int(numbers[-1]) - int(numbers[0]) + 1 == len(numbers):
        return table.slice(int(numbers[0]), len(numbers))
    return table.take(pa.array(numbers))
