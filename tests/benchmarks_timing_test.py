"""Functions are timed in turn; peers have the project's networks."""

import contextlib
import os
import statistics
import time

import pytest

from benchmarks import timing
from benchmarks.project_steps import ProjectStep, parse_step


def test_functions_are_called_in_turn_and_the_first_calls_are_not_timed():
    calls = []
    functions = {name: (lambda name=name: calls.append(name)) for name in "ab"}
    seconds = timing.in_turn(functions, rounds=3, warm_up=2)
    assert calls == ["a", "b"] * 5
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_processor_time_does_not_count_waiting():

    functions = {"sleep": lambda: time.sleep(0.05)}
    wall, processor = (
        statistics.median(timing.in_turn(functions, 3, clock)["sleep"])
        for clock in ("wall", "processor")
    )
    assert processor < 0.02 < 0.05 <= wall


def test_ratio_is_the_median_of_the_rounds_ratios():
    assert timing.median_ratio([1.0, 2.0, 4.0], [2.0, 2.0, 20.0]) == 2.0


def test_rates_are_operations_over_the_faster_ones_median(monkeypatch):
    monkeypatch.setattr(timing, "MATRIX", 100)
    monkeypatch.setattr(timing, "SIZE", 8)
    monkeypatch.setattr(
        timing,
        "in_turn",
        lambda functions, rounds, clock: {
            key: [0.5, 1.0, 9.0] if key[1] == "convolution" else [2.0] * 3
            for key in functions
        },
    )
    assert timing.rates("float32") == {
        "matrix product": 2 * 100**3 / 2.0,
        "convolution": 2 * 8 * 64 * 256 * 256 * 9 / 1.0,
    }


def test_step_is_a_model_a_size_and_a_batch():
    assert parse_step("unit:128:1") == ("unit", 128, 1)
    with pytest.raises(ValueError):
        parse_step("cyclegan:128:1")


SMALL = {
    "pggan": ["--fmap_base=64", "--fmap_max=8", "--latent_size=8"],
    "unit": ["--base_maps=2", "--discriminator_scales=2"],
    "simgan": ["--base_maps=4", "--num_blocks=1"],
    "classifier": ["--blocks=1,1,1,1", "--base_maps=4"],
}


@pytest.mark.parametrize("name", SMALL)
def test_peer_has_as_many_parameters_and_does_a_step(name):
    torch = pytest.importorskip("torch")
    from benchmarks import peers

    size = 8 if name == "pggan" else 32
    step = ProjectStep(name, size, 4, "flags/demo", *SMALL[name])
    for precision in ("float32", "bfloat16"):
        for layout, peer in peers.build_peers(name, size, step, precision):
            assert peer.parameters() == step.parameters(), layout
            before = [p.clone() for p in trained(peer, torch)]
            peer.step()
            after = trained(peer, torch)
            moved = [bool((a != b).any()) for a, b in zip(after, before)]
            # A bias before batch norm has a gradient of rounding alone, at most.
            assert statistics.mean(moved) > 0.6


def trained(peer, torch):
    """All parameters of a peer's networks."""
    modules = [v for v in vars(peer).values() if isinstance(v, torch.nn.Module)]
    parameters = {id(p): p for m in modules for p in m.parameters() if p.requires_grad}
    return [p.detach() for p in parameters.values()]


def test_real_time_is_left_again():

    if os.geteuid():
        pytest.skip("takes root's rights")
    with contextlib.suppress(PermissionError), timing.real_time():
        assert os.sched_getscheduler(0) == os.SCHED_RR
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
