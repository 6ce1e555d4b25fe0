"""Reading is timed as each trainer reads, writing as any program writes."""

import itertools
import pathlib

import tensorflow as tf

from benchmarks import pipeline, timing
from dataset.shard_writer import write_shard_set


def test_every_trainers_images_are_read_and_counted(tmp_path, write_images):
    shards = write_images(tmp_path / "set", 0, size=8)
    readers = pipeline.build_readers([shards], image_size=8)
    read = {}
    for name, (dataset, _) in readers.items():
        element = next(iter(dataset))
        images = [x for x in element.values() if x.shape.rank == 4]
        read[name] = sum(map(len, images)) or 1  # One example has no batch.
    assert read == {name: images for name, (_, images) in readers.items()}
    assert len(read) == 4


def test_speed_leaves_out_the_first_elements(monkeypatch):
    """Ten of three images each, the first four not timed, in two seconds."""
    times = iter([5.0, 7.0])
    monkeypatch.setitem(timing.CLOCKS, "wall", lambda: next(times))
    elements = tf.data.Dataset.range(10)
    assert pipeline.speed(elements, images=3, seconds=60, clock="wall") == 6 * 3 / 2


def test_writing_speed_is_of_a_set_that_is_written_and_removed(
    write_images, tmp_path, monkeypatch
):
    shards = write_images(tmp_path / "tumor", 1, images=5, size=8)
    written = []
    monkeypatch.setattr(
        pipeline,
        "write_shard_set",
        lambda folder, *own, **named: written.append(
            write_shard_set(folder, *own, **named)
        ),
    )
    clock = itertools.count().__next__  # One tick from the begin to the end.
    monkeypatch.setitem(timing.CLOCKS, "wall", clock)
    assert pipeline.writing_speed(shards, "wall") == 10
    assert len(written[0]) == 10 and not pathlib.Path(written[0].directory).exists()
