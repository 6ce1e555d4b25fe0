"""Writes a trained detector as a SavedModel that needs TensorFlow alone.

python -m classifier.export --model_dir=models/detector --output_dir=detector/1

Its signatures all give `tumor_probability`, float32 [batch], of grey images, skull
stripped and normalised as those of `dataset.prepare`:

- `serving_default`: `images`, float32 [batch, height, width, 1] in [-1, 1];
- `serving_uint8`: `images`, uint8 [batch, height, width, 1] in [0, 255];
- `serving_png`: `png`, string [batch], PNG files whose sizes may differ.

The loaded object itself may be called with `images` of either type.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("classifier.export")

import os
import shutil
import uuid

import tensorflow as tf

from classifier.layers import resize
from classifier.networks import tumor_probability
from classifier.weights import read_detector
from dataset.errors import UserError
from dataset.file_systems import disk_errors
from dataset.folders import write_json
from dataset.records import to_float
from training.lanes import tensorflow_variables

IMAGES = tf.TensorSpec([None, None, None, 1], tf.float32, name="images")
IMAGES_UINT8 = tf.TensorSpec([None, None, None, 1], tf.uint8, name="images")
PNG = tf.TensorSpec([None], tf.string, name="png")
MARKER = "export.json"  # Says of a folder that this program has made it.
OWN = {MARKER, "saved_model.pb", "fingerprint.pb", "variables", "assets"}


class Serving(tf.Module):
    """A detector without Keras: its variables, and functions of images."""

    def __init__(self, detector, image_size):
        super().__init__()
        self.weights = tensorflow_variables(detector.weights)
        self._detect = lambda images: tumor_probability(detector, images)
        self._image_size = image_size

    @tf.function
    def __call__(self, images):
        """Probabilities, float32 [batch], of uint8 or float32 images."""
        if images.dtype == tf.uint8:
            images = to_float(images)
        return self._detect(images)

    @tf.function
    def serve(self, images):
        return {"tumor_probability": self(images)}

    @tf.function
    def serve_png(self, png):
        def read(file):
            image = tf.io.decode_png(file, channels=1)
            return resize(to_float(image), self._image_size)

        images = tf.map_fn(read, png, fn_output_signature=tf.float32)
        return {"tumor_probability": self(images)}


def export(*, model_dir, output_dir, overwrite):
    """Writes the SavedModel; the arguments are the flags of the same names."""
    detector = read_detector(model_dir)
    check_output(output_dir, overwrite)
    serving = Serving(detector, detector.get_layer("resnet_input").size)
    signatures = {
        "serving_default": serving.serve.get_concrete_function(IMAGES),
        "serving_uint8": serving.serve.get_concrete_function(IMAGES_UINT8),
        "serving_png": serving.serve_png.get_concrete_function(PNG),
    }
    final = os.path.realpath(output_dir)  # Of a link, what it leads to is replaced.
    parent, name = os.path.split(final)
    temporary = os.path.join(parent, f".{name}.{uuid.uuid4().hex}")  # Nobody else's.
    with disk_errors(output_dir):
        try:
            tf.saved_model.save(serving, temporary, signatures)
            settings = {"model_dir": model_dir, "output_dir": output_dir}
            content = {"binary": "classifier.export", "settings": settings}
            write_json(os.path.join(temporary, MARKER), content)
            replace(final, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    print(f"{output_dir}: signatures {', '.join(signatures)}.")


def replace(folder, new):
    """Puts the folder `new` in the place of `folder`, which stays if that fails."""
    former = new + ".old"
    if os.path.exists(folder):
        os.rename(folder, former)
    try:
        os.rename(new, folder)
    except BaseException:
        if os.path.exists(former):
            os.rename(former, folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def check_output(output_dir, overwrite):
    """Refuses a folder that is there, unless all in it is this program's to replace.

    Raises:
      UserError: it is a file, or holds something, and `overwrite` is not given or not
        all of it was made here.
    """
    flag = f"--output_dir={output_dir}"
    if os.path.lexists(output_dir) and not os.path.isdir(output_dir):
        raise UserError(f"{flag}: a file, expected a folder.")
    names = set(os.listdir(output_dir)) if os.path.isdir(output_dir) else set()
    if not names:
        return
    if not overwrite:
        raise UserError(f"{flag}: exists already; give another folder or --overwrite.")
    if names - OWN:
        raise UserError(
            f"{flag} --overwrite: it holds {min(names - OWN)}, which classifier.export"
            " has not made; give another folder."
        )
    if MARKER not in names:
        raise UserError(
            f"{flag} --overwrite: no {MARKER} in it, so it was made by another program"
            " or an earlier version; give another folder, or remove it yourself."
        )


def main(settings):
    export(**settings)
