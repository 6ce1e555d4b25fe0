"""Artificial cases: reproducible, in BraTS's geometry, with tumors in the brain."""

import json
import os
import shutil
import sys

import nibabel
import numpy as np
import pytest
from refusals import refused
from shard_sets import stopped

from dataset import anatomy, lesions, phantom

SPACING = 4.0


def make(output_dir, **settings):
    defaults = {
        "num_patients": 3,
        "seed": 1,
        "spacing": SPACING,
        "tumor_radius": ["6", "22"],
        "num_workers": 1,
        "overwrite": False,
    }
    phantom.make_cases(str(output_dir), **{**defaults, **settings})
    return output_dir


def contents(output_dir):
    return {
        str(path.relative_to(output_dir)): path.read_bytes()
        for path in output_dir.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("phantom") / "cases")


@pytest.fixture(scope="module")
def cases():
    return [phantom.make_case(0, number, SPACING) for number in range(8)]


def test_template_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with refused("pip install nilearn"):
        anatomy.Template()


def test_folder_has_the_layout_of_brats_2021(folder):
    names = ["Phantom_00000", "Phantom_00001", "Phantom_00002"]
    files = {f"{n}/{n}_{kind}.nii.gz" for n in names for kind in ("t1ce", "seg")}
    assert set(contents(folder)) == files | {"overview.png", "phantom.json"}
    report = json.loads((folder / "phantom.json").read_text())
    assert [case["name"] for case in report["cases"]] == names


def test_files_have_the_header_of_brats():
    affine = anatomy.frame_affine(1)
    brats = [[-1, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(affine, brats)
    assert [len(axis) for axis in anatomy.frame_axes(1)] == [240, 240, 155]


def test_scan_and_mask_share_their_place(folder):
    name = "Phantom_00001"
    scan = nibabel.load(folder / name / f"{name}_t1ce.nii.gz")
    mask = nibabel.load(folder / name / f"{name}_seg.nii.gz")
    assert scan.shape == mask.shape == (60, 60, 39)
    assert nibabel.aff2axcodes(scan.affine) == ("L", "P", "S")
    assert scan.header.get_zooms() == (SPACING,) * 3
    assert scan.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_array_equal(scan.affine, mask.affine)
    # The border of the first voxel is that of the first 1 mm voxel of BraTS.
    corner = scan.affine @ [-0.5, -0.5, -0.5, 1]
    np.testing.assert_allclose(corner[:3], [0.5, 239.5, -0.5])
    for image in (scan, mask):
        assert image.header["qform_code"] == image.header["sform_code"] == 1


@pytest.mark.skipif("BRATS_DIR" not in os.environ, reason="BRATS_DIR is not set")
def test_geometry_is_that_of_a_real_case():
    name = "BraTS2021_00006"
    path = os.path.join(os.environ["BRATS_DIR"], name, f"{name}_t1ce.nii.gz")
    image = nibabel.load(path)
    np.testing.assert_array_equal(image.affine, anatomy.frame_affine(1))
    assert image.shape == tuple(anatomy.FRAME)


def test_every_case_is_a_brain_with_tumors_in_it_and_slices_without(cases):
    codes = set()
    for scan, mask in cases:
        liters = np.count_nonzero(scan) * SPACING**3 / 1e6
        assert 1.1 < liters < 1.9
        border = np.ones(scan.shape, bool)
        border[4:-4, 4:-4, :-2] = False
        assert not scan[border].any()
        assert scan.min() == 0 and scan[mask > 0].min() >= 1
        codes |= set(np.unique(mask))
        levels = slice(round(30 / SPACING), round(130 / SPACING))
        tumor = mask[..., levels].any((0, 1))
        assert 0 < tumor.sum() < tumor.size
        assert scan[..., levels].any((0, 1)).all()
    assert codes == {0, 1, 2, 4}


@pytest.mark.parametrize("seed", range(6))
def test_lesion_looks_as_its_codes_say(seed):
    axes = [np.arange(60.0, 181.0, 2)] * 2 + [np.arange(20.0, 141.0, 2)]
    center = np.array([120.0, 120.0, 80.0])
    lesion = lesions.Lesion(np.random.default_rng(seed), center, 20)
    tissue = np.ones((61, 61, 61), np.float32)
    fluid = np.zeros_like(tissue)
    fluid[:20] = 1
    brain = np.ones(tissue.shape, bool)
    brain[:, :25] = False
    mask = lesions.paint([lesion], tissue, brain, fluid, axes)
    assert np.all(mask[:, :25] == 0)
    assert not np.any(mask[:20] == lesions.EDEMA)
    assert lesion.levels[0] < np.median(tissue[mask == lesions.EDEMA]) < 0.98
    assert np.all(tissue[:, [0, -1]] == 1)
    core = (mask == lesions.NECROSIS) | (mask == lesions.ENHANCING)
    np.testing.assert_array_equal(core, (lesion.depth(axes) > 0) & brain)
    if np.any(mask == lesions.ENHANCING):
        assert np.median(tissue[mask == lesions.ENHANCING]) > 1
    if np.any(mask == lesions.NECROSIS):
        assert np.median(tissue[mask == lesions.NECROSIS]) < 0.9


def test_patients_differ_in_anatomy_contrast_and_lesions(cases):
    for number, (scan, mask) in enumerate(cases):
        for other_scan, other_mask in cases[:number]:
            both = (scan > 0) & (other_scan > 0)
            assert np.count_nonzero((scan > 0) != (other_scan > 0)) > 300
            assert np.corrcoef(scan[both], other_scan[both])[0, 1] < 0.9
            assert np.any(mask != other_mask)


def test_seed_and_number_alone_make_a_case(folder, tmp_path):
    parallel = make(tmp_path / "parallel", num_workers=2, num_patients=4)
    ours, theirs = contents(folder), contents(parallel)
    volumes = [name for name in ours if name.endswith(".nii.gz")]
    assert len(volumes) == 6
    for name in volumes:
        assert ours[name] == theirs[name]
    other_scan, _ = phantom.make_case(2, 0, SPACING)
    scan, _ = phantom.make_case(1, 0, SPACING)
    assert np.any(other_scan != scan)


def test_spacing_changes_the_sampling_and_not_the_patient():
    fine_scan, fine = phantom.make_case(0, 3, 2.0)
    coarse_scan, coarse = phantom.make_case(0, 3, 4.0)
    blocks = fine.reshape(60, 2, 60, 2, 39, 2).astype(bool).mean((1, 3, 5)) > 0.5
    overlap = 2 * np.sum(blocks & (coarse > 0)) / (np.sum(blocks) + np.sum(coarse > 0))
    assert overlap > 0.85
    liters = np.count_nonzero(fine_scan) * 8, np.count_nonzero(coarse_scan) * 64
    assert liters[0] == pytest.approx(liters[1], rel=0.02)


def test_stopped_run_makes_only_what_is_missing(folder, tmp_path, monkeypatch):
    output = tmp_path / "stopped"
    with stopped(monkeypatch, os, "rename", 1):
        make(output)
    assert not (output / "phantom.json").exists()
    assert not (output / "Phantom_00001").exists()
    first = output / "Phantom_00000" / "Phantom_00000_t1ce.nii.gz"
    before = first.stat().st_mtime_ns
    make(output)
    assert first.stat().st_mtime_ns == before
    assert contents(output) == contents(folder)


def test_finished_folder_is_left_alone_and_others_are_replaced_on_demand(
    folder, tmp_path, capsys
):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    make(folder, num_workers=2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert "nothing to do" in capsys.readouterr().out
    ours = tmp_path / "cases"
    shutil.copytree(folder, ours)
    (ours / "notes.txt").write_text("mine")
    with refused("not empty", "--seed was 1, is 5", "give another folder"):
        make(ours, seed=5)
    make(ours, num_patients=1, seed=5, overwrite=True)
    names = {"Phantom_00000", "notes.txt", "overview.png", "phantom.json"}
    assert {path.name for path in ours.iterdir()} == names


def test_smooth_field_has_unit_variance_and_does_not_depend_on_the_grid():
    field = anatomy.SmoothField(np.random.default_rng(0), 8)
    fine = field(anatomy.frame_axes(2.5))
    assert fine.std() == pytest.approx(1, abs=0.05)
    axes = [axis[5:9] for axis in anatomy.frame_axes(2.5)]
    np.testing.assert_allclose(field(axes), fine[5:9, 5:9, 5:9], rtol=1e-5)


def test_smooth_field_of_equal_coefficients_is_constant():
    field = anatomy.SmoothField(np.random.default_rng(0), 8)
    field._coefficients = np.ones_like(field._coefficients)
    values = field([np.linspace(0, limit - 1, 7) for limit in anatomy.FRAME])
    np.testing.assert_allclose(values, (315 / 151) ** 1.5, rtol=1e-5)


def test_pose_to_frame_inverts_to_template_but_for_the_warps():
    rng = np.random.default_rng(0)
    pose = anatomy.Pose(rng)
    point = np.array([[-30.0, -40.0, 30.0]])  # left, back, top
    place = pose.to_frame(point)[0]
    assert np.all(place > pose.center)
    template = pose.to_template([[coordinate] for coordinate in place])
    np.testing.assert_allclose(template.ravel(), point[0], atol=12)


def test_mass_effect_pushes_outwards_and_fades():
    rng = np.random.default_rng(0)
    lesion = lesions.Lesion(rng, np.array([120.0, 120.0, 80.0]), 20)
    axes = [np.arange(60.0, 181.0, 4), np.array([120.0]), np.array([80.0])]
    offsets = lesions.mass_effect([lesion], axes)[0, :, 0, 0]
    origins = axes[0] + offsets
    assert np.all(np.diff(origins) > 0)  # Tissue is moved, never folded.
    assert np.all(np.abs(origins - 120) <= np.abs(axes[0] - 120) + 1e-4)
    assert abs(offsets).max() > 0.5
    assert offsets[0] == offsets[-1] == 0


@pytest.mark.parametrize("radii", [["6"], ["22", "6"], ["a", "22"], ["0", "22"]])
def test_radii_that_are_no_tumors_are_refused(tmp_path, radii):
    with refused(f"--tumor_radius={','.join(radii)}"):
        make(tmp_path / "cases", tumor_radius=radii)


def test_radius_of_every_core_is_between_the_two():
    sites = np.zeros([5, 3])
    for seed in range(30):
        rng = np.random.default_rng(seed)
        drawn = lesions.draw_lesions(rng, sites, (16, 26))
        largest = 26 if len(drawn) == 1 else 16
        assert all(16 <= lesion.radius <= largest for lesion in drawn)
