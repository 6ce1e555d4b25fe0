"""Every way in which a case can be bad is told: file, value seen, value expected."""

import gzip
import re

import heads
import numpy as np
import pytest

from dataset.cases import CaseReader
from dataset.curation import Rules
from dataset.layouts import find_cases
from dataset.volumes import SliceSettings

# Name of the bad case: what the message says of it.
FAULTS = {
    "truncated": r"truncated_t1ce.nii.gz: damaged .*expected a NIfTI file",
    "truncated_mask": r"truncated_mask_seg.nii.gz: damaged .*expected a NIfTI file",
    "truncated_mha": r"truncated_mha_t1c.mha: damaged .*header promises.*a MetaImage",
    "empty": r"empty_t1ce.nii.gz: empty file \(0 bytes\), expected a volume",
    "text": r"text_t1ce.nii.gz: damaged .*expected a NIfTI file",
    "text_mha": r"text_mha_t1c.mha: damaged .*expected a MetaImage file",
    "no_mask": r"no_mask_t1ce.nii.gz: no mask; expected one beside it",
    "other_shape": r"other_shape_seg.nii.gz: mask of 48 x 48 x 30 voxels, expected 48 x"
    r" 48 x 31 as in .*other_shape_t1ce.nii.gz",
    "other_affine": r"other_affine_seg.nii.gz: its affine puts voxels 10 mm from those"
    r" of .*other_affine_t1ce.nii.gz; expected the same place",
    "nan": r"nan_t1ce.nii.gz: 3 voxels are NaN or infinite, expected none",
    "zero": r"zero_t1ce.nii.gz: every voxel is 0, expected a brain",
    "one_value": r"one_value_t1ce.nii.gz: no contrast, .* 1000 and 1000; expected a d",
    "with_skull": r"with_skull_t1ce.nii.gz: .*% of the voxels .*: a skull-stripped",
    "labels": r"labels_seg.nii.gz: unknown label codes 7, 9; expected 0, 1, 2, 3, 4",
    "fractions": r"fractions_seg.nii.gz: unknown label codes 0.5; expected",
    "flat": r"flat_t1ce.nii.gz: 2-D, 48 x 48; expected 3-D",
    "channels": r"channels_t1ce.nii.gz: 4-D, 48 x 48 x 31 x 2; expected 3-D, or 4-D",
    "few_slices": r"few_slices_t1ce.nii.gz: too few slices, 90 mm in .* needs 101 mm",
    "affine": r"affine_t1ce.nii.gz: affine .*, expected three independent axes",
}


def make_bad_case(folder, name):
    path = heads.write_case(folder, name)
    image_path = path / f"{name}_t1ce.nii.gz"
    mask_path = path / f"{name}_seg.nii.gz"
    image, mask = heads.sample()
    if name.endswith("_mha"):
        image_path.unlink()
        image_path = heads.write(path / f"{name}_t1c.mha", image)
    if name.startswith(("truncated", "empty", "text")):
        target = mask_path if name == "truncated_mask" else image_path
        whole = target.read_bytes()
        kept = {"truncated": whole[: len(whole) // 2], "text": b"not an image" * 99}
        target.write_bytes(kept.get(name.split("_")[0], b""))
    elif name == "no_mask":
        mask_path.unlink()
    elif name == "other_shape":
        heads.write(mask_path, mask[..., :30])
    elif name == "other_affine":
        moved = heads.COARSE.copy()
        moved[0, 3] += 10
        heads.write(mask_path, mask, moved)
    elif name in ("labels", "fractions"):
        codes = {"labels": {2: 7, 4: 9}, "fractions": {2: 0.5}}[name]
        changed = mask.astype(np.float32)
        for code, new in codes.items():
            changed[mask == code] = new
        heads.write(mask_path, changed)
    else:
        few = np.diag([1, 1, 90 / 155, 1]) @ heads.COARSE
        voxels = {
            "nan": np.where(
                np.arange(image.size).reshape(image.shape) < 3, np.nan, image
            ),
            "zero": image * 0,
            "one_value": np.where(image > 0, 1000, 0),
            "with_skull": image + np.arange(image.size).reshape(image.shape) % 999 + 1,
            "flat": image[..., 15],
            "channels": np.stack([image, image], axis=-1),
            "few_slices": image,
            "affine": image,
        }[name]
        heads.write(
            image_path,
            voxels.astype(np.float32 if name == "nan" else np.int16),
            few if name == "few_slices" else heads.COARSE,
        )
        if name == "few_slices":
            heads.write(mask_path, mask, few)
        if name == "affine":
            break_affine(image_path)
    return path


def break_affine(path):
    """Makes two of the axes of a NIfTI file the same."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[296:312] = content[280:296]  # srow_y as srow_x
    path.write_bytes(gzip.compress(bytes(content)))


@pytest.mark.parametrize("name", FAULTS)
def test_bad_case_is_named_with_what_is_wrong(name, tmp_path):
    make_bad_case(tmp_path, name)
    (case,) = find_cases(tmp_path)
    read = CaseReader(str(tmp_path), SliceSettings(), Rules(), {}, False)(case)
    assert read.path is None and "\n" not in read.fault
    assert read.fault.startswith(str(tmp_path / name))
    assert re.search(FAULTS[name], read.fault), read.fault
