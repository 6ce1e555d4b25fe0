"""What is found in a folder of images: labels, patients, and what is not used."""

import image_folder
import numpy as np
import pytest
from refusals import refused

from dataset.errors import UserError
from dataset.image_folders import Sources, find_images
from dataset.image_names import MaskNames, natural

IMAGE = image_folder.pattern(0)
BY_FOLDER = r"(p\d+)"


def write_empty(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def find(folder, **settings):
    settings = {"patient_pattern": BY_FOLDER, **settings}
    return find_images(str(folder), Sources(**settings))


def test_class_folders_give_labels_at_any_depth_and_by_any_name(tmp_path):
    names = ["yes/p1.png", "p2/no/a.png", "p2/yes/deep/a.png"]
    write_empty(tmp_path, *names, "p3/maybe/a.png")
    found = find(tmp_path, class_folders=("no", "yes"))
    labels = {file.name: (file.label, file.patient) for file in found.files}
    assert labels == {
        "yes/p1.png": ("tumor", "p1"),
        "p2/no/a.png": ("non_tumor", "p2"),
        "p2/yes/deep/a.png": ("tumor", "p2"),
    }
    assert found.unused == {"p3/maybe/a.png": "in neither of --class_folders"}
    assert {file.id for file in found.files} == {f"images/{name}" for name in names}


def test_images_are_in_the_order_of_their_numbers(tmp_path):
    write_empty(tmp_path, *(f"tumor/p1_{n}.png" for n in (10, 9, 100, 1)))
    names = [file.name for file in find(tmp_path).files]
    assert names == [f"tumor/p1_{n}.png" for n in (1, 9, 10, 100)]


def test_table_gives_labels_patients_ids_and_order(tmp_path):
    write_empty(tmp_path / "images", "b.png", "a.png", "c/d.jpg", "e.png", "f.png")
    table = tmp_path / "table.csv"
    table.write_text(
        "file,label,patient,id\n"
        "b.png,1,p2,x/1\n"
        "c/d.jpg,non_tumor,p1,\n"
        f"{tmp_path}/images/a.png,Tumor,p2,y\n"
        "f.png,,p2,\n"
    )
    found = find(tmp_path / "images", images_csv=str(table), patient_pattern=None)
    files = [(f.name, f.label, f.patient, f.id) for f in found.files]
    assert files == [
        ("b.png", "tumor", "p2", "x/1"),
        ("c/d.jpg", "non_tumor", "p1", "images/c/d.jpg"),
        ("a.png", "tumor", "p2", "y"),
    ]
    assert found.unused == {
        "e.png": "not in --images_csv",
        "f.png": "no label in --images_csv",
    }
    patients = [(p.name, [f.name for f in p.files]) for p in found.patients()]
    assert patients == [("p2", ["b.png", "a.png"]), ("p1", ["c/d.jpg"])]


def test_table_of_patients_alone_leaves_labels_to_folders(tmp_path):
    write_empty(tmp_path, "tumor/a.png", "non_tumor/b.png")
    table = tmp_path / "table.csv"
    table.write_text("file,patient\ntumor/a.png,p1\nnon_tumor/b.png,\n")
    found = find(tmp_path, images_csv=str(table), patient_pattern=None)
    assert [(f.label, f.patient) for f in found.files] == [("tumor", "p1")]
    assert "line 3: no patient; expected" in found.faults["non_tumor/b.png"]


@pytest.mark.parametrize(
    "lines, message",
    [
        (["name,label", "a.png,1"], "columns label, name; expected file, label, pat"),
        (["file,label", "a.png,2"], "line 2: label '2', expected 1 or tumor, 0 or"),
        (["file", "a.png", "./a.png"], "line 3: 'a.png' a second time"),
        (["file,id", "a.png,x", "b.png,x"], "line 3: id 'x' is that of .*line 2"),
        (["file,label", ",1"], "line 2: no file, expected its path"),
    ],
)
def test_table_that_is_wrong_is_refused_with_its_line(tmp_path, lines, message):
    write_empty(tmp_path, "a.png", "b.png")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines))
    with pytest.raises(UserError, match=message):
        find(tmp_path, images_csv=str(table))


def test_row_without_its_file_is_a_fault(tmp_path):
    write_empty(tmp_path, "p1.png")
    table = tmp_path / "table.csv"
    table.write_text("file,label\np1.png,1\np2.png,0\n")
    found = find(tmp_path, images_csv=str(table))
    assert list(found.faults) == ["p2.png"]
    assert f"line 3: no image {tmp_path}/p2.png" in found.faults["p2.png"]


@pytest.mark.parametrize(
    "pattern, masks",
    [
        ("{stem}_mask.png", ["p1/a_mask.png", "p1/b_mask.png"]),
        ("mask/{name}", ["p1/mask/a.png", "p1/mask/b.jpg"]),
        ("../masks/{stem}.png", ["masks/a.png", "masks/b.png"]),
        ("{stem}.gif.png", ["p1/a.gif.png", "p1/b.gif.png"]),
    ],
)
def test_masks_belong_to_images_and_are_none(tmp_path, pattern, masks):
    write_empty(tmp_path, "p1/a.png", "p1/b.jpg", *masks)
    found = find(tmp_path, mask_pattern=pattern)
    assert [f.name for f in found.files] == ["p1/a.png", "p1/b.jpg"]
    assert [f.mask_path for f in found.files] == [str(tmp_path / m) for m in masks]
    assert not found.unused and not found.faults
    assert {f.label for f in found.files} == {None}


def test_masks_without_image_and_images_without_mask_are_told(tmp_path):
    write_empty(tmp_path, "p1/a.png", "p1/a_mask.png", "p1/b.png", "p1/c_mask.png")
    found = find(tmp_path, mask_pattern="{stem}_mask.png")
    assert [f.name for f in found.files] == ["p1/a.png"]
    assert found.unused == {"p1/c_mask.png": "a mask without an image"}
    assert "p1/b.png: no mask, expected p1/b_mask.png" in found.faults["p1/b.png"]
    other = MaskNames("../m/{stem}.png", ["i/a.png", "m/a.png", "m/b.png"])
    assert other.orphans == ["m/b.png"] and other.is_mask("m/a.png")


def test_pattern_without_any_mask_says_what_it_looked_for(tmp_path):
    write_empty(tmp_path, "p1/a.png", "p1/b.png")
    with pytest.raises(
        UserError,
        match="none of the 2 images has such a mask; expected p1/a_seg.png beside p1/a",
    ):
        find(tmp_path, mask_pattern="{stem}_seg.png")


@pytest.mark.parametrize("pattern", ["mask.png", "{stam}_mask.png", "{stem}{0}.png"])
def test_pattern_without_a_name_is_refused(tmp_path, pattern):
    write_empty(tmp_path, "p1/a.png")
    with pytest.raises(UserError, match=r"expected \{stem\} \(or \{name\}\) in it"):
        find(tmp_path, mask_pattern=pattern)


def test_patient_is_the_group_of_the_pattern_or_all_of_it(tmp_path):
    write_empty(tmp_path, "tumor/TCGA_CS_4941_19960909_11.png", "tumor/x.png")
    (file,) = find(tmp_path, patient_pattern="TCGA_[A-Z]+_[0-9]+").files
    assert file.patient == "TCGA_CS_4941"
    found = find(tmp_path, patient_pattern="(TCGA)_[A-Z]+")
    assert found.files[0].patient == "TCGA"
    assert (
        "is not in 'tumor/x.png'; expected the patient" in found.faults["tumor/x.png"]
    )
    both = find(tmp_path, patient_pattern="TCGA", patient_per_image=True)
    assert [f.patient for f in both.files] == ["TCGA", "tumor/x.png"]
    with refused("--patient_pattern=q[0-9]+: in none of the 2 images' paths"):
        find(tmp_path, patient_pattern="q[0-9]+")


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"patient_pattern": None},
            "nothing tells whose the images are.*--patient_p",
        ),
        ({"patient_pattern": "(p"}, r"--patient_pattern=\(p: .*expected a regular"),
        (
            {"class_folders": ("a", "b")},
            "expected folders a and b .--class_folders",
        ),
        ({"class_folders": ("a", "a")}, "--class_folders=a,a: expected two names"),
        ({"images_csv": "no.csv"}, "--images_csv=no.csv: cannot be read"),
    ],
)
def test_folder_of_which_too_little_is_known_is_refused(tmp_path, settings, message):
    write_empty(tmp_path, "tumor/p1.png", "non_tumor/p1.png")
    with pytest.raises(UserError, match=message):
        find(tmp_path, **settings)


def test_folder_without_images_and_no_folder_are_refused(tmp_path):
    write_empty(tmp_path, "notes.txt", ".hidden.png")
    with pytest.raises(UserError, match="no images in it; expected PNG, JPEG, TIFF or"):
        find(tmp_path)
    with pytest.raises(UserError, match="--images_dir=.*: folder not found"):
        find(tmp_path / "no")


def test_other_files_are_told_and_links_in_a_circle_end(tmp_path):
    write_empty(tmp_path, "tumor/p1.png", "Thumbs.db", ".DS_Store")
    (tmp_path / "tumor" / "again").symlink_to(tmp_path)
    image_folder.write(tmp_path / "tumor" / "p2_IM0001", IMAGE)  # DICOM by content
    found = find(tmp_path)
    assert [f.name for f in found.files] == ["tumor/p1.png", "tumor/p2_IM0001"]
    assert found.unused == {"Thumbs.db": "not an image"}


def test_unlabeled_images_need_neither_folders_nor_masks(tmp_path):
    write_empty(tmp_path, "p1.png", "p1_mask.png", "p2.png")
    found = find(tmp_path, unlabeled=True, mask_pattern="{stem}_mask.png")
    assert [(f.name, f.label) for f in found.files] == [
        ("p1.png", "unlabeled"),
        ("p2.png", "unlabeled"),
    ]


def test_image_in_both_class_folders_is_a_fault(tmp_path):
    write_empty(tmp_path, "tumor/non_tumor/p1.png", "tumor/p2.png")
    found = find(tmp_path)
    assert "in both of --class_folders" in found.faults["tumor/non_tumor/p1.png"]
    assert np.size(found.files) == 1


def test_digits_of_other_kinds_in_names_are_no_numbers():
    assert sorted(["b²", "a10", "a2"], key=natural) == ["a2", "a10", "b²"]
