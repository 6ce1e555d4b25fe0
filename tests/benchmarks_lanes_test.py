"""Steps of two lanes stand side by side."""

import sys
import types

import pytest

from benchmarks import lanes


def result(model, lane, step):
    return {"model": model, "lane": lane, "import": 2, "memory": 400} | {
        "first": 10 * step,
        "step": step,
    }


def test_table_has_medians_of_either_lane_and_the_ratio_of_their_steps():
    results = [
        result("unit:32:8", lane, step)
        for lane, steps in {
            "Keras 2": [1.0, 9.0, 2.0],
            "Keras 3": [4.0, 3.0, 3.0],
        }.items()
        for step in steps
    ]
    header, _, row = lanes.table(results).splitlines()[:3]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert "step (s), Keras 2" in header
    assert cells == "unit:32:8 2 2 20 30 2 3 400 400 1.50".split()


@pytest.mark.long
def test_a_lane_is_measured_in_a_process_of_its_own():
    options = types.SimpleNamespace(flags="flags/demo", steps_timed=2)
    measured = lanes.measure_apart(sys.executable, ("simgan", 32, 8), options)
    assert measured["lane"].startswith("Keras ")
    assert 0 < measured["step"] < measured["first"]
    assert measured["memory"] > 100
