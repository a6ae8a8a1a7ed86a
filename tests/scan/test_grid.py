"""The grid of windows: laws that hold for every segment."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finback.audio.windows import regular_windows
from finback.scan.grid import Grid

grids = st.integers(1, 60).flatmap(
    lambda window: st.builds(Grid, st.just(7), st.integers(8, 400), st.just(window), st.integers(1, window))
)


@given(grids)
def test_windows_are_those_of_the_stream(grid: Grid) -> None:
    n = grid.n_windows
    length = grid.stop - grid.start
    expected = list(regular_windows(lambda k: k <= length, grid.window, grid.hop))
    found = zip(grid.starts(0, n) - grid.start, grid.stops(0, n) - grid.start, strict=True)
    assert [(int(a), int(b)) for a, b in found] == expected


@given(grids)
def test_cells_tile_the_segment(grid: Grid) -> None:
    n = grid.n_windows
    starts, stops = grid.starts(0, n), grid.cell_stops(0, n)
    assert starts[0] == grid.start
    assert stops[-1] == grid.stop
    assert np.array_equal(stops[:-1], starts[1:])
    assert (stops > starts).all()


@given(grids, st.data())
def test_a_part_of_the_windows_is_a_part(grid: Grid, data: st.DataObject) -> None:
    n = grid.n_windows
    first = data.draw(st.integers(0, n - 1))
    last = data.draw(st.integers(first + 1, n))
    for of in (grid.starts, grid.stops, grid.cell_stops):
        assert np.array_equal(of(first, last), of(0, n)[first:last])


@given(grids)
def test_the_start_of_one_window(grid: Grid) -> None:
    n = grid.n_windows
    assert [grid.start_of(i) for i in range(n)] == grid.starts(0, n).tolist()
