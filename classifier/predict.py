"""Predicts tumors in shard sets, in image files, or slice by slice in one volume.

python -m classifier.predict --model_dir=models/detector
 --data_dirs=real/test/tumor,real/test/non_tumor --output_csv=predictions.csv

python -m classifier.predict --model_dir=models/detector --volume=case_t1ce.nii.gz
 --output_csv=case.csv

python -m classifier.predict --model_dir=models/detector --images=folder,image.png
 --output_csv=images.csv
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("classifier.predict")

import dataclasses
import functools
import os

import numpy as np
import tensorflow as tf
import tqdm

from classifier import image_predictions
from classifier.heat_maps import heat_map_function
from classifier.networks import tumor_probability
from classifier.pictures import volume_picture
from classifier.weights import read_detector
from dataset.errors import UserError
from dataset.folders import check_new, write_csv
from dataset.pictures import write_png
from dataset.record_faults import record_errors
from dataset.records import to_float
from dataset.shards import ShardSet
from dataset.volume_rules import VolumeRules
from dataset.volumes import SliceSettings, read_volume, slice_images
from training.checkpoints import read_run


def predict(
    *,
    data_dirs,
    volume,
    images,
    intensities,
    patient_pattern,
    skip_bad_files,
    output_csv,
    output_png,
    overwrite,
    **settings,
):
    """Writes the predictions; the arguments are the flags of the same names."""
    names = [field.name for field in dataclasses.fields(VolumeRules)]
    rules = VolumeRules(**{name: settings.pop(name) for name in names})
    if [bool(data_dirs), bool(volume), bool(images)].count(True) != 1:
        raise UserError("give one of --data_dirs, --volume and --images.")
    if volume or images:
        output_png = output_png or os.path.splitext(output_csv)[0] + ".png"
    check_output("output_csv", output_csv, overwrite)
    if data_dirs:
        predict_sets(data_dirs, output_csv, **settings)
        return
    check_output("output_png", output_png, overwrite)
    if volume:
        predict_volume(volume, rules, output_csv, output_png, **settings)
        return
    how = {"intensities": intensities, "patient_pattern": patient_pattern}
    how["skip_bad"] = skip_bad_files
    predict_images(images, output_csv, output_png, how, **settings)


def predict_sets(data_dirs, output_csv, *, model_dir, threshold, batch_size, heat_maps):
    """Writes `id,patient,label,probability` of every image of some shard sets."""
    if heat_maps:
        raise UserError(
            "--heat_maps: of shard sets no picture is drawn; expected --volume or"
            " --images (dataset.export_images writes a shard set as images)."
        )
    shard_sets = [ShardSet(directory) for directory in data_dirs]
    detect = detector_function(read_detector(model_dir))
    rows = []
    progress = tqdm.tqdm(
        total=sum(map(len, shard_sets)), desc="classifier.predict", unit="img"
    )
    for shard_set in shard_sets:
        with record_errors([shard_set]):
            for batch in shard_set.dataset().batch(batch_size).prefetch(2):
                probabilities = detect(to_float(batch["image"])).numpy()
                columns = [batch[key].numpy() for key in ("id", "patient", "label")]
                for name, patient, label, probability in zip(*columns, probabilities):
                    row = (name.decode(), patient.decode(), label, f"{probability:.6f}")
                    rows.append(row)
                progress.update(len(probabilities))
    progress.close()
    write_csv(output_csv, ("id", "patient", "label", "probability"), rows)
    found = sum(float(row[-1]) >= threshold for row in rows)
    print(f"{output_csv}: tumor in {found} of {len(rows)} images.")


def predict_volume(
    volume,
    rules,
    output_csv,
    output_png,
    *,
    model_dir,
    threshold,
    batch_size,
    heat_maps,
):
    """Writes `slice,file_slice,probability` of a volume, and its suspicious slices."""
    facts = read_run(model_dir)["facts"]["slices"]
    if "intensities" in facts:
        raise UserError(
            f"--volume={volume}: the detector was trained on images of files"
            " (dataset.import_images), whose frame and intensities no volume has;"
            " expected --images."
        )
    settings = SliceSettings(**facts)
    brain = read_volume(volume, rules=rules)
    slices = np.arange(settings.first_slice, settings.last_slice + 1)
    file_slices = brain.file_slices[slices]
    images = slice_images(brain, slices, settings)[..., None]
    detect, draw_heat = read_functions(model_dir, batch_size, heat_maps)
    probabilities = detect(images)
    rows = [
        (number, file_slice, f"{probability:.6f}")
        for number, file_slice, probability in zip(slices, file_slices, probabilities)
    ]
    write_csv(output_csv, ("slice", "file_slice", "probability"), rows)
    picture = volume_picture(
        slice_images(brain, slices, dataclasses.replace(settings, image_size=240)),
        file_slices,
        probabilities,
        threshold,
        os.path.basename(os.path.abspath(volume)),
        draw_heat and (lambda shown: draw_heat(images[shown])),
    )
    write_png(output_png, picture)
    found = int(np.sum(probabilities >= threshold))
    print(
        f"{output_csv}: tumor in {found} of {len(rows)} slices; look at {output_png}."
    )


def predict_images(
    paths, output_csv, output_png, how, *, model_dir, threshold, batch_size, heat_maps
):
    """Writes `file,probability` of image files, and the suspicious ones."""
    facts = read_run(model_dir)["facts"]["slices"]
    detect, draw_heat = read_functions(model_dir, batch_size, heat_maps)
    predicted, settings = image_predictions.predict_files(paths, detect, facts, **how)
    rows = [(p.path, f"{p.probability:.6f}") for p in predicted]
    write_csv(output_csv, ("file", "probability"), rows)
    picture = image_predictions.picture(predicted, settings, threshold, draw_heat)
    write_png(output_png, picture)
    for line in image_predictions.notes(predicted, settings, facts, how):
        print(line)
    found = sum(p.probability >= threshold for p in predicted)
    print(
        f"{output_csv}: tumor in {found} of {len(rows)} images; look at {output_png}."
    )


def read_functions(model_dir, batch_size, heat_maps):
    """A detector's functions of uint8 [images, height, width, 1].

    Returns:
      To probabilities, float [images], and to heat maps, float [images, rows, columns];
      None for the latter unless asked for.
    """
    detector = read_detector(model_dir)

    def of_uint8(build):
        function = build(detector)
        return functools.partial(predict_uint8, function, batch_size=batch_size)

    detect = of_uint8(detector_function)
    return detect, of_uint8(heat_map_function) if heat_maps else None


def predict_uint8(function, images, batch_size):
    """What a function of float images gives of uint8 [images, height, width, 1]."""
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [function(to_float(images[start : start + batch_size])) for start in starts]
    )


def detector_function(detector):
    """Probabilities: float32 [batch, height, width, 1] to float32 [batch]."""
    signature = [tf.TensorSpec([None, None, None, 1], tf.float32)]
    return tf.function(lambda x: tumor_probability(detector, x), signature)


def check_output(flag, path, overwrite):
    """Refuses a path to which no new file can be written."""
    folder = os.path.dirname(path) or "."
    if not path or os.path.isdir(path) or not os.path.isdir(folder):
        raise UserError(f"--{flag}={path}: expected a file in a folder that exists.")
    check_new(path, f"--{flag}={path}", overwrite)


def main(settings):
    predict(**settings)
