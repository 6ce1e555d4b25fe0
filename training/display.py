"""What is shown of a training: `log.jsonl`, TensorBoard, pictures, a progress bar."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tqdm

from dataset import pictures
from dataset.file_systems import disk_errors
from dataset.folders import write_text
from dataset.records import to_uint8
from training.model_dir import ModelDir


class Display:
    """What a training shows, from its step `step` on.

    Args:
      folder: the `ModelDir`.
      step: number of finished steps; what the log says of later ones goes.
      num_images: number of images of the whole training.
      batch_size: images per step.
      with_bar: whether to show a progress bar.
    """

    def __init__(
        self,
        folder: ModelDir,
        *,
        step: int,
        num_images: int,
        batch_size: int,
        with_bar: bool,
    ) -> None:
        self._folder = folder
        self._num_images = num_images
        self._batch_size = batch_size
        self._with_bar = with_bar
        self._bar: tqdm.tqdm | None = None
        self._events = tf.summary.create_file_writer(folder.own_path("events"))
        lines = read_log(folder.shared_path("log.jsonl"), step)
        content = "".join(line + "\n" for line in lines)
        write_text(folder.own_path("log.jsonl"), content)

    def log(self, line: Mapping[str, Any]) -> None:
        """Appends a dict with a `step` to log.jsonl and its numbers to TensorBoard."""
        path = self._folder.own_path("log.jsonl")
        with disk_errors(path), open(path, "a") as file:
            file.write(json.dumps(line) + "\n")
        with self._events.as_default(line["step"]):
            for name, value in line.items():
                if name != "step" and isinstance(value, (int, float)):
                    tf.summary.scalar(name, value)

    def log_image(
        self,
        name: str,
        images: tf.Tensor,
        step: int,
        columns: int | None = None,
        tag: str | None = None,
    ) -> None:
        """Writes float images in [-1, 1] as a grid to samples/ and TensorBoard."""
        image = pictures.grid(to_uint8(images), columns)
        path = os.path.join(self._folder.own_path("samples"), name + ".png")
        pictures.write_png(path, image)
        with self._events.as_default(step):
            tf.summary.image(tag or name, image[None])

    def tick(self, step: int) -> None:
        """Moves the progress bar to the end of `step`."""
        if self._bar is None:
            self._bar = tqdm.tqdm(
                total=self._num_images,
                initial=(step - 1) * self._batch_size,
                desc=self._folder.binary,
                unit="img",
                unit_scale=True,
                disable=not self._with_bar,
                mininterval=0.5 if sys.stderr.isatty() else 5.0,
                dynamic_ncols=True,
            )
        self._bar.update(self._batch_size)

    def postfix(self, values: Mapping[str, float]) -> None:
        """Shows the latest losses beside the progress bar."""
        if self._bar:
            texts = {name: f"{value:.3g}" for name, value in values.items()}
            self._bar.set_postfix(texts, refresh=False)

    def close(self) -> None:
        if self._bar:
            self._bar.close()


def read_log(path: str, before_step: int) -> list[str]:
    """The lines of a `log.jsonl` of steps up to `before_step`, in order."""
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        lines = [line for line in file.read().splitlines() if line.endswith("}")]
    return [line for line in lines if json.loads(line)["step"] <= before_step]
