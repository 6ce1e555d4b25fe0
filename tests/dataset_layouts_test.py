"""Every layout of BraTS is recognized by itself."""

import json
import os

import heads
import numpy as np
import pytest
from refusals import refused

from dataset.errors import UserError
from dataset.layouts import Case, Search, describe_unused, find_cases, survey
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
        return [case.name for case in find_cases(tmp_path, Search(grade))]

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
    names = [case.name for case in find_cases(tmp_path, Search("all"))]
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
        ("UPENN-GBM-00001_11", "UPENN-GBM-00001"),
        ("sub-01_ses-02", "sub-01"),
        ("sub-01_ses-02_run-1", "sub-01"),
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
    with pytest.raises(
        UserError, match=r"a_t1ce.nii: no mask; .*beside it.*--unlabeled"
    ):
        a.only_mask()
    with pytest.raises(UserError, match=r"b_seg.nii: no T1c volume; .*beside it"):
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
    touch(tmp_path / "HGG/four.mgz")
    touch(tmp_path / "out/manifest.json")
    (case,), unused = survey(tmp_path, left_out=[str(tmp_path / "out")])
    assert case.name == "one"
    formats = "files of formats that are not read (expected .nii, .nii.gz, .mha,"
    formats += " .nrrd, .nhdr)"
    assert unused == {
        "LGG cases, left out by --grade=HGG": ["LGG/two/two"],
        formats: [
            "HGG/four.mgz",
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
    cases, unused = survey(tmp_path, Search(t1c_channel="1"))
    assert [case.name for case in cases] == ["BraTS_001", "BraTS_002"]
    assert cases[1].only_image().endswith("imagesTr/BraTS_002_0001.nii.gz")
    assert cases[1].only_mask().endswith("labelsTr/BraTS_002.nii.gz")
    assert len(unused["volumes of other contrasts"]) == 6
    names = {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"}
    (tmp_path / "dataset.json").write_text(json.dumps({"modality": names}))
    first = find_cases(tmp_path, Search(t1c_channel="1"))[0]
    assert first.only_image().endswith("BraTS_001_0002.nii.gz")


def test_four_digits_of_a_case_are_no_channel(tmp_path):
    touch(tmp_path / "a/imagesTr/BRATS_0001.nii.gz")
    touch(tmp_path / "b/imagesTr/BRATS_0000.nii.gz")
    touch(tmp_path / "b/labelsTr/BRATS_0000.nii.gz")
    names = [case.name for case in find_cases(tmp_path)]
    assert names == ["BRATS_0000", "BRATS_0001"]


def by_patterns(volumes, masks="", **more):
    return Search(volume_pattern=volumes, mask_pattern=masks, **more)


# Layout: patterns of volume and mask, a case, its volume and its mask.
PATTERNS = {
    "UCSF-PDGM": (
        "{case}_nifti/{case}_T1c.nii.gz",
        "{case}_nifti/{case}_tumor_segmentation.nii.gz",
        "UCSF-PDGM-0004",
        "{0}_nifti/{0}_T1c.nii.gz",
        "{0}_nifti/{0}_tumor_segmentation.nii.gz",
    ),
    "UPENN-GBM": (
        "images_structural/{case}/{case}_T1GD.nii.gz",
        "images_segm/{case}_segm.nii.gz",
        "UPENN-GBM-00001_11",
        "images_structural/{0}/{0}_T1GD.nii.gz",
        "images_segm/{0}_segm.nii.gz",
    ),
    "BIDS": (
        "sub-*/ses-*/anat/{case}_ce-gd_T1w.nii.gz",
        "derivatives/**/{case}_dseg.nii.gz",
        "sub-01_ses-02",
        "sub-01/ses-02/anat/{0}_ce-gd_T1w.nii.gz",
        "derivatives/masks/sub-01/{0}_dseg.nii.gz",
    ),
    "Kaggle": (
        "**/{case}_t1ce.nii/*.nii",
        "**/{case}_seg.nii/*.nii",
        "BraTS2021_00495",
        "a/{0}/{0}_t1ce.nii/00000057_brain_t1ce.nii",
        "a/{0}/{0}_seg.nii/00000057_final_seg.nii",
    ),
    "old": (
        "**/{case}_T1c.nii",
        "**/{case}_Label.nii",
        "HGG147",
        "training/HGG/{0}_T1c.nii",
        "training/HGG/{0}_Label.nii",
    ),
    "a folder per date": (
        "{case}/CT1.nii.gz",
        "{case}/seg.nii.gz",
        "Patient-001_week-044",
        "Patient-001/week-044/CT1.nii.gz",
        "Patient-001/week-044/seg.nii.gz",
    ),
    "one name in the other": (
        "{case}.nii",
        "{case}_seg.nii",
        "7",
        "{0}.nii",
        "{0}_seg.nii",
    ),
}


@pytest.mark.parametrize("layout", PATTERNS)
def test_cases_are_found_by_patterns(layout, tmp_path):
    volumes, masks, name, *paths = PATTERNS[layout]
    image, mask = (tmp_path / path.format(name) for path in paths)
    touch(image)
    touch(mask)
    beside = tmp_path / "other" / f"{name}_T1c_bias.nii.gz"
    touch(beside)
    (case,), unused = survey(tmp_path, by_patterns(volumes, masks))
    assert case.name == name
    assert (case.only_image(), case.only_mask()) == (str(image), str(mask))
    other = {"volumes of other names": [f"other/{beside.name}"]}
    assert unused == other


def test_kaggles_folder_for_each_file_is_recognized(tmp_path):
    folder = tmp_path / "BraTS2021_00495"
    touch(folder / "BraTS2021_00495_t1ce.nii/00000057_brain_t1ce.nii")
    touch(folder / "BraTS2021_00495_t1.nii/00000057_brain_t1.nii")
    touch(folder / "BraTS2021_00495_seg.nii/00000057_final_seg.nii")
    (case,), unused = survey(tmp_path)
    assert case.name == "BraTS2021_00495"
    assert case.only_image().endswith("brain_t1ce.nii")
    assert case.only_mask().endswith("final_seg.nii")
    assert list(unused) == ["volumes of other contrasts"]


def test_kaggles_folder_of_one_file_may_be_the_whole_folder(tmp_path):
    touch(tmp_path / "b_t1ce.nii/00000057_brain_t1ce.nii")
    (case,), _ = survey(tmp_path / "b_t1ce.nii")
    assert case.only_image().endswith("brain_t1ce.nii")


def test_pattern_that_finds_nothing_names_what_is_there(tmp_path):
    touch(tmp_path / "a/a_T1GD.nii.gz")
    touch(tmp_path / "segm/a_seg.nii.gz")
    volumes, masks = "{case}/{case}_t1.nii.gz", "masks/{case}_seg.nii.gz"
    with refused(f"--volume_pattern={volumes}", tmp_path, "a/a_T1GD.nii.gz"):
        find_cases(tmp_path, by_patterns(volumes, masks))
    with refused(f"--mask_pattern={masks}", tmp_path, "segm/a_seg.nii.gz"):
        find_cases(tmp_path, by_patterns("{case}/{case}_T1GD.nii.gz", masks))


def test_case_without_a_mask_or_with_two_names_the_pattern(tmp_path):
    for name in ("one/a_T1.nii", "two/b_T1.nii", "three/b_T1.nii", "masks/b_seg.nii"):
        touch(tmp_path / name)
    masks = "masks/{case}_seg.nii"
    a, b = find_cases(tmp_path, by_patterns("*/{case}_T1.nii", masks))
    with refused("one/a_T1.nii: no mask", tmp_path / "masks/a_seg.nii", masks):
        a.only_mask()
    with refused("three/b_T1.nii: one of 2", "../two/b_T1.nii", "--volume_pattern=*/"):
        b.only_image()


def test_two_cases_of_one_name_are_refused(tmp_path):
    touch(tmp_path / "a/b_c_T1.nii")
    touch(tmp_path / "a_b/c_T1.nii")
    with refused("a/b_c and a_b/c", "a_b_c"):
        find_cases(tmp_path, by_patterns("{case}_T1.nii", unlabeled=True))


@pytest.mark.parametrize(
    "volumes, masks, part",
    [
        ("t1.nii", "{case}_seg.nii", "--volume_pattern=t1.nii"),
        ("{case}.nii", "{stem}_seg.nii", "--mask_pattern={stem}_seg.nii"),
        ("{case}.nii", "../m/{case}_seg.nii", "--mask_pattern=../m"),
        ("/data/{case}.nii", "{case}_seg.nii", "--volume_pattern=/data"),
        ("{case}*_T1.nii", "{case}_seg.nii", "--volume_pattern={case}*"),
        ("{case}.nii", "", "--mask_pattern"),
        ("", "{case}_seg.nii", "--volume_pattern"),
    ],
)
def test_patterns_that_cannot_be_meant_are_refused(volumes, masks, part, tmp_path):
    with refused(part, "expected"):
        find_cases(tmp_path, by_patterns(volumes, masks))


def test_patients_are_found_in_the_paths_of_volumes(tmp_path):
    for name in ("p1/a", "p1/b", "p2/a"):
        touch(tmp_path / f"{name}/t1c.nii")
    pattern = "^([^/]+)/"
    cases = find_cases(tmp_path, Search(patient_pattern=pattern))
    patients = {case.name: case.patient for case in cases}
    assert patients == {"b": "p1", "p1_a_a": "p1", "p2_a_a": "p2"}
    for pattern in ("p3", "p1(x)?"):
        with refused(f"--patient_pattern={pattern}", "t1c.nii"):
            find_cases(tmp_path, Search(patient_pattern=pattern))
    with refused("--patient_pattern=(", "regular expression"):
        find_cases(tmp_path, Search(patient_pattern="("))


@pytest.mark.parametrize("grade, names", [("HGG", ["a"]), ("all", ["a", "b"])])
def test_grades_are_told_by_folders_with_patterns_too(grade, names, tmp_path):
    touch(tmp_path / "HGG/a_x.nii")
    touch(tmp_path / "LGG/b_x.nii")
    search = by_patterns("*/{case}_x.nii", unlabeled=True, grade=grade)
    assert [case.name for case in find_cases(tmp_path, search)] == names
