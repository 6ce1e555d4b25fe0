"""Every layout of BraTS is recognized by itself."""

import json
import os

import heads
import numpy as np
import pytest

from dataset.errors import UserError
from dataset.layouts import Case, describe_unused, find_cases, survey
from dataset.volumes import read_volume

VSD = "VSD.Brain.XX.O"
# Release: (case, image, mask), paths below the folder given.
LAYOUTS = {
    "2012": (
        "BRATS_HG0001",
        "Images/BRATS_HG0001/BRATS_HG0001_T1C.mha",
        "Images/BRATS_HG0001/BRATS_HG0001_truth.mha",
    ),
    "2012, one folder": ("BRATS_HG0001", "{0}_T1C.mha", "{0}_truth.mha"),
    "2012, 2013 numbered": (
        "HG_0001",
        f"Image_Data/HG/0001/{VSD}.MR_T1c.686/{VSD}.MR_T1c.686.mha",
        f"Image_Data/HG/0001/{VSD}.OT.54515/{VSD}.OT.54515.mha",
    ),
    "2015, 2016": (
        "brats_2013_pat0001_1",
        f"HGG/{{0}}/{VSD}.MR_T1c.54514/{VSD}.MR_T1c.54514.mha",
        f"HGG/{{0}}/{VSD}.OT.54515/{VSD}.OT.54515.mha",
    ),
    "2015, 2016, three raters": (
        "brats_tcia_pat101_0001",
        f"HGG/{{0}}/{VSD}.MR_T1c.36164/{VSD}.MR_T1c.36164.mha",
        "HGG/{0}/VSD.Brain_3more.XX.O.OT.42283/VSD.Brain_3more.XX.O.OT.42283.mha",
    ),
    "2017": (
        "Brats17_TCIA_101_1",
        "HGG/{0}/{0}_t1ce.nii.gz",
        "HGG/{0}/{0}_seg.nii.gz",
    ),
    "2019": ("BraTS19_CBICA_AAB_1", "HGG/{0}/{0}_t1ce.nii", "HGG/{0}/{0}_seg.nii"),
    "2020": ("BraTS20_Training_001", "{0}/{0}_t1ce.nii", "{0}/{0}_seg.nii"),
    "2020, case 355": (
        "BraTS20_Training_355",
        "{0}/{0}_t1ce.nii",
        "{0}/W39_1998.09.19_Segm.nii",
    ),
    "2021": ("BraTS2021_00006", "{0}/{0}_t1ce.nii.gz", "{0}/{0}_seg.nii.gz"),
    "2023 on": ("BraTS-GLI-00005-100", "{0}/{0}-t1c.nii.gz", "{0}/{0}-seg.nii.gz"),
    "Decathlon": ("BRATS_001", "imagesTr/{0}.nii.gz", "labelsTr/{0}.nii.gz"),
    "a hospital's own": ("patient 7", "{0}/t1c.nii.gz", "{0}/seg.nii.gz"),
}
# Files that stand beside them and are neither.
BESIDE = {
    ".mha": ["{0}/x/VSD.Brain.XX.O.MR_T1.2/VSD.Brain.XX.O.MR_T1.2.mha"],
    ".gz": ["{0}_t1.nii.gz", "{0}-t1n.nii.gz", "{0}_flair.nii.gz", "._{0}_t1ce.nii.gz"],
    ".nii": ["{0}_t2.nii", "{0}_t1.nii", "notes.txt", "._{0}_seg.nii"],
}


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    image, mask = heads.sample()
    folder = tmp_path_factory.mktemp("head")
    image_path = heads.write(folder / "image.nii", image)
    return read_volume(image_path, heads.write(folder / "mask.nii", mask))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_is_recognized_and_read(layout, expected, tmp_path):
    name, *paths = LAYOUTS[layout]
    image_path, mask_path = (path.format(name) for path in paths)
    image, mask = heads.sample()
    if layout == "Decathlon":
        image = np.stack([image // 2, image // 3, image, image // 4], axis=-1)
    heads.write(tmp_path / image_path, image)
    heads.write(tmp_path / mask_path, mask)
    case_folder = (tmp_path / image_path).parent
    for beside in BESIDE[os.path.splitext(image_path)[1]]:
        if layout != "Decathlon":
            touch(case_folder / beside.format(name))
    (case,) = find_cases(tmp_path)
    assert case.name == name
    volume = read_volume(case.only_image(), case.only_mask())
    np.testing.assert_array_equal(volume.image, expected.image)
    np.testing.assert_array_equal(volume.mask, expected.mask)


def test_grade_is_taken_from_folders_names_and_the_mapping(tmp_path):
    touch(tmp_path / "a/HGG/one/one_t1ce.nii")
    touch(tmp_path / "a/LGG/two/two_t1ce.nii")
    touch(tmp_path / "b/LG/0001/VSD.Brain.XX.O.MR_T1c.6/VSD.Brain.XX.O.MR_T1c.6.mha")
    touch(tmp_path / "b/BRATS_LG0004_T1C.mha")
    touch(tmp_path / "c/BraTS20_Training_001/BraTS20_Training_001_t1ce.nii")
    touch(tmp_path / "c/BraTS20_Training_260/BraTS20_Training_260_t1ce.nii")
    touch(tmp_path / "d/BraTS2021_00006_t1ce.nii")
    (tmp_path / "c/name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\n"
        "HGG,NA,BraTS20_Training_001\nLGG,NA,BraTS20_Training_260\n"
    )

    def names(grade):
        return [case.name for case in find_cases(tmp_path, grade)]

    low = ["BRATS_LG0004", "BraTS20_Training_260", "LG_0001", "two"]
    high = ["BraTS20_Training_001", "one"]
    assert names("HGG") == sorted([*high, "BraTS2021_00006"])
    assert names("LGG") == sorted([*low, "BraTS2021_00006"])
    assert names("all") == sorted([*high, *low, "BraTS2021_00006"])


def test_numbers_and_names_that_clash_are_told_apart(tmp_path):
    for grade in ("HG", "LG"):
        folder = "VSD.Brain.XX.O.MR_T1c.6"
        touch(tmp_path / f"2013/{grade}/0001/{folder}/{folder}.mha")
    touch(tmp_path / "x/case/case_t1ce.nii")
    touch(tmp_path / "y/case/case_t1ce.nii")
    names = [case.name for case in find_cases(tmp_path, "all")]
    assert names == ["HG_0001", "LG_0001", "x_case_case", "y_case_case"]


def test_simulated_cases_are_left_out(tmp_path):
    touch(tmp_path / "BRATS_HG0001_T1C.mha")
    touch(tmp_path / "SimBRATS_HG0001_T1C.mha")
    folder = "VSD.Brain.XX.O.MR_T1c.6"
    touch(tmp_path / f"Synthetic_Data/HG/0001/{folder}/{folder}.mha")
    assert [case.name for case in find_cases(tmp_path)] == ["BRATS_HG0001"]


def test_links_are_followed_and_circles_end(tmp_path):
    touch(tmp_path / "elsewhere/case/case_t1ce.nii")
    (tmp_path / "brats").mkdir()
    (tmp_path / "brats/link").symlink_to(tmp_path / "elsewhere/case")
    (tmp_path / "brats/circle").symlink_to(tmp_path / "brats")
    assert [case.name for case in find_cases(tmp_path / "brats")] == ["case"]


@pytest.mark.parametrize(
    "name, patient",
    [
        ("BraTS-GLI-00005-100", "BraTS-GLI-00005"),
        ("brats_tcia_pat101_0001", "brats_tcia_pat101"),
        ("brats_2013_pat0001_1", "brats_2013_pat0001"),
        ("Brats18_CBICA_AAB_1", "Brats18_CBICA_AAB"),
        ("BraTS20_Training_001", "BraTS20_Training_001"),
        ("BraTS2021_00006", "BraTS2021_00006"),
        ("HG_0001", "HG_0001"),
        ("BRATS_001", "BRATS_001"),
    ],
)
def test_number_of_the_scan_is_not_part_of_the_patient(name, patient):
    assert Case(name, (), ()).patient == patient


def test_missing_and_ambiguous_files_are_named(tmp_path):
    touch(tmp_path / "a/a_t1ce.nii")
    touch(tmp_path / "b/b_seg.nii")
    touch(tmp_path / "c/c_t1ce.nii")
    touch(tmp_path / "c/c_t1c.nii")
    a, b, c = find_cases(tmp_path)
    with pytest.raises(UserError, match=r"a_t1ce.nii: no mask beside it.*--unlabeled"):
        a.only_mask()
    with pytest.raises(UserError, match=r"b_seg.nii: no T1c volume beside it"):
        b.only_image()
    with pytest.raises(
        UserError, match=r"c_t1c.nii: one of 2 .* c_t1ce.nii; expected one"
    ):
        c.only_image()


def test_empty_folder_names_what_was_wanted(tmp_path):
    with pytest.raises(UserError, match="no T1c volume of --grade=HGG .*_t1ce.nii.gz"):
        find_cases(tmp_path)
    with pytest.raises(UserError, match="--brats_dir=.*nowhere: folder not found"):
        find_cases(tmp_path / "nowhere")


def test_whatever_is_not_used_is_told_with_its_reason(tmp_path):
    touch(tmp_path / "HGG/one/one_t1ce.nii")
    touch(tmp_path / "HGG/one/one_flair.nii")
    touch(tmp_path / "HGG/one/one_Label.nii")
    touch(tmp_path / "HGG/one/notes.txt")
    touch(tmp_path / "LGG/two/two_t1ce.nii")
    touch(tmp_path / "LGG/two/two_seg.nii")
    touch(tmp_path / "HGG/three/three_t1ce.hdr")
    touch(tmp_path / "HGG/three/three_t1ce.img")
    touch(tmp_path / "HGG/four.nrrd")
    touch(tmp_path / "out/manifest.json")
    (case,), unused = survey(tmp_path, "HGG", left_out=[str(tmp_path / "out")])
    assert case.name == "one"
    formats = "files of formats that are not read (expected .nii, .nii.gz, .mha)"
    assert unused == {
        "LGG cases, left out by --grade=HGG": ["LGG/two/two"],
        formats: [
            "HGG/four.nrrd",
            "HGG/three/three_t1ce.hdr",
            "HGG/three/three_t1ce.img",
        ],
        "other files": ["HGG/one/notes.txt"],
        "volumes of other contrasts": ["HGG/one/one_flair.nii"],
        "volumes whose names tell neither T1c nor mask": ["HGG/one/one_Label.nii"],
    }
    lines = list(describe_unused({"files": list("abcd"), "more": ["e"]}))
    assert lines == ["4 files: a, b, c and more.", "1 more: e."]


def test_folder_of_formats_that_are_not_read_says_so(tmp_path):
    touch(tmp_path / "one/one_t1ce.hdr")
    with pytest.raises(UserError, match="1 files of formats .*one/one_t1ce.hdr"):
        find_cases(tmp_path)


def nnunet(folder):
    for case in ("BraTS_001", "BraTS_002"):
        for channel in range(4):
            touch(folder / f"imagesTr/{case}_000{channel}.nii.gz")
        touch(folder / f"labelsTr/{case}.nii.gz")


def test_channels_of_nnunet_are_one_case(tmp_path):
    nnunet(tmp_path)
    message = "BraTS_001_0000.nii.gz.*dataset.json.*--t1c_channel"
    with pytest.raises(UserError, match=message):
        find_cases(tmp_path)
    cases, unused = survey(tmp_path, t1c_channel="1")
    assert [case.name for case in cases] == ["BraTS_001", "BraTS_002"]
    assert cases[1].only_image().endswith("imagesTr/BraTS_002_0001.nii.gz")
    assert cases[1].only_mask().endswith("labelsTr/BraTS_002.nii.gz")
    assert len(unused["volumes of other contrasts"]) == 6
    names = {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": names}))
    first = find_cases(tmp_path, t1c_channel="1")[0]
    assert first.only_image().endswith("BraTS_001_0002.nii.gz")


def test_four_digits_of_a_case_are_no_channel(tmp_path):
    touch(tmp_path / "a/imagesTr/BRATS_0001.nii.gz")
    touch(tmp_path / "b/imagesTr/BRATS_0000.nii.gz")
    touch(tmp_path / "b/labelsTr/BRATS_0000.nii.gz")
    names = [case.name for case in find_cases(tmp_path)]
    assert names == ["BRATS_0000", "BRATS_0001"]
