"""Reading is timed as each trainer reads."""

import tensorflow as tf

from benchmarks import pipeline, timing


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
