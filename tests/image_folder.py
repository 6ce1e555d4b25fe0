"""Folders of made-up images, to import: every image a pattern of its own."""

import cv2
import numpy as np
import SimpleITK as sitk

SIZE = 40


def pattern(seed, size=(SIZE, SIZE), top=200):
    """A disc of smooth noise on black, uint8 [rows, columns] up to `top`."""
    draws = np.random.default_rng(seed)
    coarse = draws.uniform(20, top, (14, 14)).astype(np.float32)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[: size[0], : size[1]]
    centre, radius = np.array(size) / 2, min(size) * 0.45
    inside = np.hypot(rows - centre[0], columns - centre[1]) < radius
    return np.where(inside, image, 0).astype(np.uint8)


def spot(radius, size=(SIZE, SIZE), value=255):
    """A mask with a disc, uint8 [rows, columns]; radius 0 is none."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(rows - size[0] // 2, columns - size[1] // 2)
    return np.where(distance < radius, value, 0).astype(np.uint8)


def write(path, image):
    """Writes an image in the format of its suffix; colours are RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in ("", ".dcm"):
        writer = sitk.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.SetFileName(str(path))
        writer.Execute(sitk.GetImageFromArray(image))
        return path
    image = image[..., ::-1] if image.ndim == 3 else image
    assert cv2.imwrite(str(path), image)
    return path


def write_masked(folder, patients=4, images=6, seed=0):
    """`p<n>/s<n>.png` and `..._mask.png`; the first half of a patient has a tumor."""
    for patient in range(patients):
        for number in range(images):
            name = folder / f"p{patient}" / f"s{number}"
            image = pattern([seed, patient, number])
            write(name.with_suffix(".png"), image)
            mask = spot(8 if number < images // 2 else 0)
            write(name.with_name(f"{name.name}_mask.png"), mask)
    return folder


def write_classes(folder, patients=4, images=4, names=("non_tumor", "tumor")):
    """`tumor/p<n>_<n>.png` and `non_tumor/...`."""
    for label, name in enumerate(names):
        for patient in range(patients):
            for number in range(images):
                path = folder / name / f"p{patient}_{number}.png"
                write(path, pattern([7, label, patient, number]))
    return folder
