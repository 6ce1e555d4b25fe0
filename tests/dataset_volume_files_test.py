"""NRRD files are placed as their headers say; all else of volumes: volumes_test."""

import heads
import numpy as np
import pytest
from refusals import refused

from dataset.frame import FRAME_ORIGIN
from dataset.volume_files import read_file
from dataset.volume_rules import VolumeRules

LPS = "left-posterior-superior"
SPACES = {
    LPS: (1, 1, 1),
    "LPS": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
}


def write_nrrd(path, space, signs=(1, 1, 1), detached=False):
    """By hand, as the format says: voxels in the order of LPS, told in a `space`."""
    voxels, _ = heads.sample()
    signs = np.array(signs)
    axes = [signs[n] * heads.COARSE[n, :3] for n in range(3)]
    directions = " ".join(str(tuple(column)) for column in np.transpose(axes).tolist())
    origin = tuple((signs * heads.COARSE[:3, 3]).tolist())
    fields = ["NRRD0004", "type: short", "dimension: 3", "endian: little"]
    fields += [f"sizes: {' '.join(map(str, voxels.shape))}", "encoding: raw"]
    if space:
        fields += [f"space: {space}", f"space directions: {directions}"]
        fields += [f"space origin: {origin}".replace(" (", "(").replace(":(", ": (")]
    else:
        fields += ["spacings: 5 5 5"]
    content = voxels.astype("<i2").tobytes(order="F")
    if detached:
        fields += ["data file: voxels.raw"]
        path.with_name("voxels.raw").write_bytes(content)
        content = b""
    header = "\n".join(fields).replace(", ", ",") + "\n\n"
    path.write_bytes(header.encode() + content)
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The same head of a NIfTI file."""
    folder = tmp_path_factory.mktemp("good")
    return read_file(heads.write(folder / "head.nii", heads.sample()[0]))


@pytest.mark.parametrize("space", SPACES)
def test_nrrd_is_placed_as_its_space_says(space, expected, tmp_path):
    path = write_nrrd(tmp_path / "head.nrrd", space, SPACES[space])
    heads.check_alike(read_file(path), expected)
    # The same directions in another space are another place.
    other = "RAS" if SPACES[space] == (1, 1, 1) else LPS
    write_nrrd(path, other, SPACES[space])
    with pytest.raises(AssertionError):
        heads.check_alike(read_file(path), expected)


def test_nrrd_header_finds_its_data_file(expected, tmp_path):
    path = write_nrrd(tmp_path / "head.nhdr", LPS, detached=True)
    heads.check_alike(read_file(path), expected)
    (tmp_path / "voxels.raw").unlink()
    with refused(path, "NRRD", "damaged"):
        read_file(path)


def test_nrrd_that_is_cut_is_refused(tmp_path):
    path = write_nrrd(tmp_path / "head.nrrd", LPS)
    path.write_bytes(path.read_bytes()[:-100])
    with refused(path, "NRRD", "damaged"):
        read_file(path)


@pytest.mark.parametrize(
    "field",
    [
        *("space origin:", "space directions:", "data file:", "whatever:"),
        *("space origin: (0:=,0,", "data file: :=", "whatever: :="),  # No keys.
    ],
)
def test_nrrd_field_that_would_end_itk_is_refused(tmp_path, field):
    path = write_nrrd(tmp_path / "head.nrrd", LPS)
    content = path.read_bytes()
    damaged = f"\n{field} (0,0,{'a' * 2000}".encode()
    path.write_bytes(content.replace(b"\nencoding:", damaged + b"\nencoding:"))
    with refused(path, field, "characters, expected 400 at most"):
        read_file(path)


def test_nrrd_has_comments_and_keys_of_any_length(tmp_path, expected):
    path = write_nrrd(tmp_path / "head.nrrd", LPS)
    lines = [b"# " + b"a" * 65536, b"key:=" + b"b" * 70000, b"k" * 1500 + b":=b"]
    lines.append(b"content: " + b"c" * 849)
    text = b"\n" + b"\n".join(lines) + b"\nencoding:"
    path.write_bytes(path.read_bytes().replace(b"\nencoding:", text))
    heads.check_alike(read_file(path), expected)


def test_nrrd_of_a_patients_space_without_directions_needs_a_choice(tmp_path):
    path = write_nrrd(tmp_path / "head.nrrd", "")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"spacings: 5 5 5", b"space: LPS"))
    with refused(path, "which way is up", "--bare_header=brats"):
        read_file(path)


@pytest.mark.parametrize("space", ["", "scanner-xyz"])
def test_nrrd_without_a_patients_space_needs_a_choice(space, tmp_path):
    path = write_nrrd(tmp_path / "head.nrrd", space)
    with refused(path, "which way is up", space or "no space", "--bare_header=brats"):
        read_file(path)
    image = read_file(path, VolumeRules(bare_header="brats"))
    assert image.GetOrigin() == tuple(FRAME_ORIGIN) and image.GetSpacing() == (5, 5, 5)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    image = read_file(path, VolumeRules(bare_header="as_is"))
    assert image.GetDirection() == (-1, 0, 0, 0, -1, 0, 0, 0, 1)
