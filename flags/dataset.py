"""Flags of `dataset.phantom`, `dataset.prepare` and `dataset.verify`."""

from absl import flags

flags.disclaim_key_flags()


def define_phantom():
    """Flags of `dataset.phantom`."""
    return [
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for the cases, in BraTS 2021's layout: a folder per patient with"
            " ..._t1ce.nii.gz and ..._seg.nii.gz.",
            required=True,
        ),
        flags.DEFINE_integer(
            "num_patients",
            20,
            "Artificial patients, one to three tumors each. The split is by patient,"
            " so that fewer than about 10 leave little to validate on.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "seed",
            0,
            "Case n is a function of this and n, however many cases there are.",
            lower_bound=0,
        ),
        flags.DEFINE_float(
            "spacing",
            1.0,
            "Edge of a voxel, in mm. 1 as BraTS, 240x240x155 voxels; 2 makes the same"
            " heads from 120x120x78 voxels in a quarter of the time, enough for"
            " images of 64 px and less.",
            lower_bound=1.0,
            upper_bound=8.0,
        ),
        flags.DEFINE_list(
            "tumor_radius",
            ["6", "22"],
            "Smallest and largest radius of a tumor's core, in mm, without its edema."
            " At 32 px a pixel is 8 mm: small tumors do not show.",
        ),
        flags.DEFINE_integer(
            "num_workers", 0, "Processes; 0: one per core.", lower_bound=0
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace cases made with other flags in --output_dir."
        ),
    ]


def define_prepare():
    """Flags of `dataset.prepare`."""
    return _define_places() + _define_slices() + _define_rules() + define_division()


def _define_places():
    return [
        flags.DEFINE_string(
            "brats_dir",
            None,
            "Folder of BraTS cases of any year, 2012 to 2024, or of the Medical"
            " Segmentation Decathlon's Task01: .nii, .nii.gz or .mha. Its layout is"
            " recognized. Only the T1c volumes and the masks are read.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for {train,validation,test}/{tumor,non_tumor}, slices.csv and"
            " report.json. Run the same command again to continue a stopped run.",
            required=True,
        ),
        flags.DEFINE_enum(
            "grade",
            "HGG",
            ["HGG", "LGG", "all"],
            "Which gliomas, where the release tells: by folders HGG and LGG, or by"
            " name_mapping.csv (Han et al., 2019: HGG). Others always count.",
        ),
        flags.DEFINE_bool(
            "unlabeled",
            False,
            "Do without masks: writes the one shard set `unlabeled`, of label -1, to"
            " predict on; no rules on tumors and no split.",
        ),
        flags.DEFINE_bool(
            "skip_bad_cases",
            False,
            "Go on without the cases that cannot be used. They are listed either way.",
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace output of other flags in --output_dir."
        ),
        flags.DEFINE_integer(
            "num_workers",
            0,
            "Processes that read cases, about 0.5 GB each; 0: one per core.",
            lower_bound=0,
        ),
    ]


def _define_slices():
    return [
        flags.DEFINE_integer(
            "image_size",
            240,
            "Height and width of the images, in pixels, of the 240 mm square that BraTS"
            " shows; below 240, area averages. GANs pad to a power of 2: 240 for GANs"
            " of 256 px, 120 for 128, 60 for 64, 30 for 32 (Han et al., 2019: 240).",
            lower_bound=8,
            upper_bound=240,
        ),
        flags.DEFINE_integer(
            "first_slice",
            30,
            "First axial slice, of 0 (lowest) to 154, 1 mm each (Han et al., 2019: 30)."
            " Volumes of another height are brought into these 155 mm first.",
            lower_bound=0,
            upper_bound=154,
        ),
        flags.DEFINE_integer(
            "last_slice",
            130,
            "Last axial slice, itself included (Han et al., 2019: 130).",
            lower_bound=0,
            upper_bound=154,
        ),
        flags.DEFINE_float(
            "lower_percentile",
            0.5,
            "Percentile of the brain's intensities, of each volume, that becomes 0.",
            lower_bound=0.0,
            upper_bound=100.0,
        ),
        flags.DEFINE_float(
            "upper_percentile",
            99.5,
            "Percentile of the brain's intensities, of each volume, that becomes 255.",
            lower_bound=0.0,
            upper_bound=100.0,
        ),
    ]


def _define_rules():
    return [
        flags.DEFINE_list(
            "tumor_labels",
            ["1", "2", "3", "4"],
            "Codes of the mask that count as tumor. Slices with other codes only are"
            " left out.",
        ),
        flags.DEFINE_float(
            "min_tumor_area",
            80.0,
            "Area of tumor in mm2 from which a slice shows a tumor; slices with less"
            " are left out as borderline. 80 is a disc of 10 mm, the least that the"
            " RANO criteria call measurable.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer(
            "non_tumor_margin",
            1,
            "A non-tumor slice is at least this many slices (mm) from any with a"
            " labelled voxel, and one more; nearer ones are left out as borderline.",
            lower_bound=0,
        ),
        flags.DEFINE_float(
            "min_brain_area",
            2880.0,
            "Slices with less brain, in mm2, are left out. 2880 is 5 % of the image.",
            lower_bound=0.0,
        ),
        flags.DEFINE_float(
            "max_straight_edge",
            60.0,
            "Slices whose brain has a longer straight edge, in mm, are left out: the"
            " field of view or the skull-stripping cut it. Whole brains have 20-55 mm.",
            lower_bound=0.0,
        ),
        flags.DEFINE_string(
            "exclude_csv",
            None,
            "A person's verdicts, which overrule the rules: columns case, slice (empty:"
            " all), verdict (excluded if not given, tumor, non_tumor), reason. An"
            " edited slices.csv will do.",
        ),
        flags.DEFINE_bool(
            "keep_borderline",
            False,
            "Write the slices that are left out as borderline, of all parts, as one"
            " more shard set, `borderline`, of label -1: for a person to decide about"
            " with filtering.review, which writes a table for --exclude_csv.",
        ),
    ]


VOLUMES_ALIKE = (
    "Of ten real patients, two have 0.52 at most; one, moved by 3 mm and 3 degrees, in"
    " another contrast and with less brain, 0.75 at least with itself."
)


def define_division(duplicate_correlation=0.7, things="cases", evidence=VOLUMES_ALIKE):
    """Flags of how patients are divided; `dataset.import_images` has them, too."""
    return [
        flags.DEFINE_list(
            "split",
            ["0.7", "0.1", "0.2"],
            "Patients for train, validation and test: numbers, or fractions that sum to"
            " 1. (The default is 154, 22 and 44 of the 220 of Han et al., 2019, whose"
            " text has the last two swapped.)",
        ),
        flags.DEFINE_integer(
            "num_folds",
            1,
            "Folds of a cross-validation; every patient is in the test part of one, and"
            " folds are balanced by patients and tumor slices. The others of a fold are"
            " train and validation in the ratio of --split, but validation has a tenth"
            " of all patients at least, and 5 where more are left to train on. 1: the"
            " one --split.",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "fold",
            0,
            "Which of the --num_folds to write, from 0. Give all the same other flags.",
            lower_bound=0,
        ),
        flags.DEFINE_float(
            "duplicate_correlation",
            duplicate_correlation,
            f"Two {things} whose patterns of light and dark correlate at least so much"
            f" are taken for one patient's and kept in one part. {evidence} Above 1:"
            " never.",
            lower_bound=0.0,
        ),
        flags.DEFINE_integer("seed", 0, "Seed of the split into parts.", lower_bound=0),
    ]


def define_verify():
    """Flags of `dataset.verify`."""
    return [
        flags.DEFINE_list(
            "data_dirs",
            None,
            "What to verify, by commas: shard sets, or folders with shard sets at any"
            " depth. A patient may not be in two of them; in a folder with train,"
            " validation and test, not in two of those.",
        ),
        flags.DEFINE_string(
            "refined_from",
            None,
            "Shard set of which the one in --data_dirs is a refined version: same"
            " number, order, labels and patients, ids <refiner>/<id there>.",
        ),
        flags.DEFINE_string(
            "experiment_dir",
            None,
            "In place of --data_dirs: an experiment's folder, as workflow.run fills it."
            " From its detectors, digests lead back to the real images of all that"
            " they come from: GANs, clusters, refiners. None of it may have learned"
            " from a validation or test patient of its fold; every patient is tested in"
            " one fold.",
        ),
        flags.DEFINE_list(
            "run_dirs",
            [],
            "Which detectors of --experiment_dir to check: folders in it with model/"
            " and predictions.csv, by commas. Default: all.",
        ),
    ]
