"""Makes artificial BraTS-like cases with tumors, for demonstrations and tests.

python -m dataset.phantom --output_dir=phantom --num_patients=20
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("dataset.phantom")

import functools
import math
import os
import re
import shutil

import cv2
import nibabel
import numpy as np
import tqdm

from dataset.anatomy import Pose, frame_affine, frame_axes, load_template
from dataset.errors import UserError
from dataset.file_systems import disk_errors
from dataset.folders import claim_folder, release_folder, write_bytes, write_json
from dataset.lesions import (
    EDEMA,
    ENHANCING,
    NECROSIS,
    RADII,
    draw_lesions,
    mass_effect,
    paint,
)
from dataset.pictures import sheet
from dataset.scanner import Scanner
from dataset.workers import parallel_map

FINAL, OVERVIEW = "phantom.json", "overview.png"
OWN = re.compile(r"(unfinished_)?Phantom_\d{5,}|phantom\.json|overview\.png")

# Of the overview: outlines in blue, green, red; tiles in pixels, which are mm.
OUTLINES = {NECROSIS: (60, 60, 255), EDEMA: (80, 200, 80), ENHANCING: (0, 220, 255)}
CODES = {"necrosis": NECROSIS, "edema": EDEMA, "enhancing": ENHANCING}
TILE = np.s_[25:230, 35:205]
MOST_TILES = 100


def make_case(seed, number, spacing, radii=RADII):
    """One patient; a function of its arguments.

    Args:
      seed, number: integers >= 0.
      spacing: of the voxels, mm, at least 1.
      radii: of the tumors, see `draw_lesions`.

    Returns:
      The scan int16 [x, y, z], 0 outside of the brain, and its mask uint8 [x, y, z].
    """
    rng = np.random.default_rng([seed, number])
    template, pose, scanner = load_template(), Pose(rng), Scanner(rng)
    lesions = draw_lesions(rng, pose.to_frame(template.sites), radii)
    axes = frame_axes(spacing)
    scan, mask = np.zeros((2, *map(len, axes)), np.int16)
    box = pose.box(axes)
    axes = [axis[part] for axis, part in zip(axes, box)]

    positions = pose.to_template(axes)
    # The skull does not give way: mass effect moves what is inside of the mask.
    brain = template.sample(template.brain, positions) + 0.08 * pose.outline(axes) > 0.5
    positions += pose.turn(mass_effect(lesions, axes))
    intensity = template.sample(template.intensity, positions)
    vessels = template.sample(template.vessels, positions)

    tissue = scanner.tissue(intensity, vessels, axes)
    fluid = np.clip((0.55 - intensity) / 0.15, 0, 1)
    mask[box] = paint(lesions, tissue, brain, fluid, axes)
    scan[box] = scanner.acquire(tissue, brain, axes, rng)
    return scan, mask.astype(np.uint8)


def case_name(number):
    return f"Phantom_{number:05d}"


def write_case(number, *, output_dir, seed, spacing, radii):
    """Makes case `number` and writes its folder, which appears when it is complete."""
    name = case_name(number)
    folder = os.path.join(output_dir, name)
    unfinished = os.path.join(output_dir, f"unfinished_{name}")
    with disk_errors(folder):
        if os.path.exists(unfinished):
            shutil.rmtree(unfinished)
        os.makedirs(unfinished)
        affine = frame_affine(spacing)
        volumes = make_case(seed, number, spacing, radii)
        for kind, volume in zip(("t1ce", "seg"), volumes):
            image = nibabel.Nifti1Image(volume, affine)
            image.set_qform(affine, code=1)
            image.set_sform(affine, code=1)
            image.header.set_xyzt_units("mm", "sec")
            nibabel.save(image, os.path.join(unfinished, f"{name}_{kind}.nii.gz"))
        os.rename(unfinished, folder)


def write_missing_cases(output_dir, num_patients, num_workers, **options):
    """Writes those cases that are not there, several at once."""
    folders = [os.path.join(output_dir, case_name(n)) for n in range(num_patients)]
    missing = [n for n, folder in enumerate(folders) if not os.path.isdir(folder)]
    write = functools.partial(write_case, output_dir=output_dir, **options)
    load_template()  # Forked processes share it.
    made = parallel_map(write, missing, num_workers)
    before = num_patients - len(missing)
    for _ in tqdm.tqdm(made, total=num_patients, initial=before, unit="case"):
        pass


def draw_tile(scan, mask, title):
    """The slice with the most tumor, outlined: uint8 [rows, columns, 3]."""
    level = np.argmax(np.count_nonzero(mask, axis=(0, 1)))
    white = np.percentile(scan[scan > 0], 99.7)
    grey = np.clip(scan[..., level].T * (255 / white), 0, 255).astype(np.uint8)
    tile = cv2.cvtColor(cv2.resize(grey, (240, 240)), cv2.COLOR_GRAY2BGR)
    for code, color in OUTLINES.items():
        region = (mask[..., level].T == code).astype(np.uint8)
        region = cv2.resize(region, (240, 240), interpolation=cv2.INTER_NEAREST)
        lines, _ = cv2.findContours(region, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile, lines, -1, color, 1)
    tile = np.ascontiguousarray(tile[TILE])
    place = (4, tile.shape[0] - 6)
    cv2.putText(tile, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (170, 170, 170))
    return tile


def write_overview(output_dir, names):
    """Writes the contact sheet of all cases; returns a summary of each."""
    tiles, summaries = [], []
    for name in names:
        stem = os.path.join(output_dir, name, name)
        image = nibabel.load(f"{stem}_t1ce.nii.gz")
        mask = np.asarray(nibabel.load(f"{stem}_seg.nii.gz").dataobj)
        if len(tiles) < MOST_TILES:
            tiles.append(draw_tile(np.asarray(image.dataobj), mask, name))
        voxel = np.prod(image.header.get_zooms()) / 1000  # ml
        milliliters = {
            key: round(float(np.count_nonzero(mask == code) * voxel), 2)
            for key, code in CODES.items()
        }
        summaries.append({"name": name, "milliliters": milliliters})
    picture = sheet(tiles, math.ceil(math.sqrt(len(tiles) * 1.5)))
    content = cv2.imencode(".png", picture)[1].tobytes()
    write_bytes(os.path.join(output_dir, OVERVIEW), content)
    return summaries


def make_cases(
    output_dir, num_patients, seed, spacing, tumor_radius, num_workers, overwrite
):
    """Fills a folder with cases in the layout of BraTS 2021; flags explain the rest.

    A run that was stopped continues where it was; on finished output nothing is done.

    Raises:
      UserError: the folder holds something else, or the disk is full.
    """
    options = {"seed": seed, "spacing": spacing, "radii": parse_radii(tumor_radius)}
    settings = {"num_patients": num_patients, "seed": seed, "spacing": spacing}
    if options["radii"] != RADII:  # Cases from before there was the flag are the same.
        settings["tumor_radius"] = tumor_radius
    job = {"binary": "dataset.phantom", "settings": settings}
    own = {"is_own": OWN.fullmatch, "overwrite": overwrite}
    if claim_folder(output_dir, job, final=FINAL, **own):
        print(f"{output_dir}: finished before; nothing to do.")
        return
    write_missing_cases(output_dir, num_patients, num_workers, **options)
    cases = write_overview(output_dir, [case_name(n) for n in range(num_patients)])
    write_json(os.path.join(output_dir, FINAL), {**job, "cases": cases})
    release_folder(output_dir)
    print(f"{num_patients} cases in {output_dir}; {OVERVIEW} there shows them.")


def parse_radii(texts):
    """Smallest and largest radius of two texts.

    Raises:
      UserError: they are not two numbers in order, or no tumor's.
    """
    try:
        radii = tuple(float(text) for text in texts)
    except ValueError:
        radii = ()
    if len(radii) != 2 or not 3 <= radii[0] <= radii[1] <= 40:
        raise UserError(
            f"--tumor_radius={','.join(texts)}: expected the smallest and the largest,"
            " such as 6,22, from 3 to 40 mm."
        )
    return radii


def main(settings):
    make_cases(**settings)
