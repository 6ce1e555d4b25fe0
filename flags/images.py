"""Flags of `dataset.import_images` and `dataset.export_images`."""

from absl import flags

from flags import dataset

flags.disclaim_key_flags()

IMAGES_ALIKE = (
    "Of 60 real patients, slices of two have 0.83 at most (skull-stripped: 0.86); one,"
    " as JPEG, smaller or in another contrast, mostly 0.97 or more with itself. Images"
    " with the same pixels are always found."
)


def define_import_images():
    """Flags of `dataset.import_images`."""
    return [
        *_define_places(),
        *_define_sources(),
        *define_intensities(),
        *_define_rules(),
        *dataset.define_division(0.93, "images", IMAGES_ALIKE),
        *_define_set(),
    ]


def _define_places():
    return [
        flags.DEFINE_string(
            "images_dir",
            None,
            "Folder of images at any depth: PNG, JPEG, TIFF (8 or 16 bits) or DICOM, an"
            " image each. Hidden files do not count.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for {train,validation,test}/{tumor,non_tumor}, slices.csv (each"
            " file's verdict) and report.json; with --one_set the set itself. Run the"
            " same command again to continue a stopped run.",
            required=True,
        ),
        flags.DEFINE_bool(
            "skip_bad_files",
            False,
            "Leave out the files that cannot be used. They are listed either way.",
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace output of other flags in --output_dir."
        ),
        flags.DEFINE_integer(
            "num_workers",
            0,
            "Processes that read patients, each with the images of one in memory; 0:"
            " one per core.",
            lower_bound=0,
        ),
    ]


def _define_sources():
    return [
        flags.DEFINE_list(
            "class_folders",
            ["non_tumor", "tumor"],
            "Names of the folders without and with tumors, anywhere in --images_dir."
            " They give the labels unless --images_csv (column label) or --mask_pattern"
            " does.",
        ),
        flags.DEFINE_string(
            "images_csv",
            None,
            "Table of the images: columns file (below --images_dir), label (1 or tumor,"
            " 0 or non_tumor), patient and id. All but file may be missing. Images that"
            " it does not name are left out.",
        ),
        flags.DEFINE_string(
            "mask_pattern",
            None,
            "Path of an image's mask from the image's folder, where {stem} is the"
            " image's name without and {name} with its suffix: {stem}_mask.png,"
            " ../masks/{name}. Every image has one; all 0 is no tumor.",
        ),
        flags.DEFINE_string(
            "patient_pattern",
            None,
            "Regular expression that is searched in an image's path below --images_dir;"
            " its first group, or all of it, is the patient: '^([^/]+)/' is the topmost"
            " folder. Where --images_csv names a patient, that counts.",
        ),
        flags.DEFINE_bool(
            "patient_per_image",
            False,
            "Images for which nothing tells the patient are each of a patient of their"
            " own. If that is not so, images of one person come into training and test,"
            " and the test flatters.",
        ),
        flags.DEFINE_bool(
            "unlabeled",
            False,
            "Do without labels: writes the one shard set `unlabeled`, of label -1, to"
            " predict on.",
        ),
    ]


def define_intensities():
    """How an image is made of a file."""
    return [
        flags.DEFINE_integer(
            "image_size",
            0,
            "Height and width of the images, in pixels: each is padded with 0 to a"
            " square and area-averaged (enlarged bilinearly if smaller). GANs pad to a"
            " power of 2: 240 for GANs of 256 px, 120 for 128, 60 for 64, 30 for 32. 0:"
            " the files' own size, which is then the same for all.",
            lower_bound=0,
        ),
        flags.DEFINE_enum(
            "channel",
            "",
            ["", "red", "green", "blue", "luminance"],
            "Which channel to take of colour images. Without, they are refused; images"
            " whose channels are all the same are grey.",
        ),
        flags.DEFINE_enum(
            "intensities",
            "percentiles",
            ["percentiles", "window", "as_is"],
            "What becomes 0 and 255. percentiles: --lower_percentile and"
            " --upper_percentile of the foreground of all images of a patient; window:"
            " the values of --window; as_is: 0 and 255, of 8-bit images only.",
        ),
        flags.DEFINE_list(
            "window",
            [],
            "For --intensities=window: the two values, as in the files (DICOM: after"
            " rescaling), that become 0 and 255.",
        ),
        flags.DEFINE_float(
            "lower_percentile",
            0.5,
            "Percentile of the foreground's intensities, of each patient, that becomes"
            " 0. Foreground is what is brighter than a tenth of the way from the"
            " patient's darkest value to the 99th percentile of all.",
            lower_bound=0.0,
            upper_bound=100.0,
        ),
        flags.DEFINE_float(
            "upper_percentile",
            99.5,
            "Percentile of the foreground's intensities, of each patient, that becomes"
            " 255.",
            lower_bound=0.0,
            upper_bound=100.0,
        ),
    ]


def _define_rules():
    return [
        flags.DEFINE_float(
            "min_tumor_area",
            80.0,
            "Area of the mask from which an image shows a tumor, in pixels of the file,"
            " or in mm2 with --pixel_spacing; images with less, but some, are left out"
            " as borderline (RANO: 80 mm2 is a disc of 10 mm).",
            lower_bound=0.0,
        ),
        flags.DEFINE_float(
            "pixel_spacing",
            0.0,
            "Distance of the files' pixels in mm, the same both ways, for"
            " --min_tumor_area; 0: not known. Headers of DICOM are not asked.",
            lower_bound=0.0,
        ),
        flags.DEFINE_float(
            "mask_threshold",
            None,
            "Value from which on a pixel of a mask is tumor: 1 for label codes, 128 for"
            " JPEG. Without, masks have the values 0 and one other, or are refused.",
        ),
        flags.DEFINE_float(
            "min_foreground",
            5.0,
            "Images with less foreground (see --lower_percentile), in percent of their"
            " pixels, are left out. 5 is what dataset.prepare asks of the brain.",
            lower_bound=0.0,
            upper_bound=100.0,
        ),
    ]


def _define_set():
    return [
        flags.DEFINE_bool(
            "one_set",
            False,
            "Write all images of --images_csv as one shard set, in the order of the"
            " table, with its labels, patients and ids; no split, and nothing is judged"
            " or left out. The way back from dataset.export_images.",
        ),
        flags.DEFINE_string(
            "id_prefix",
            "",
            "For --one_set: put before every id, with a /; a refiner's name.",
        ),
        flags.DEFINE_integer(
            "images_per_shard",
            1024,
            "For --one_set: images per TFRecord file.",
            lower_bound=1,
        ),
    ]


def define_export_images():
    """Flags of `dataset.export_images`."""
    return [
        flags.DEFINE_list(
            "data_dirs", None, "Shard sets to write as PNG, by commas.", required=True
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for {tumor,non_tumor,unlabeled}/<number>.png, numbered through all"
            " sets in their order, and images.csv: file,label,patient,id of each.",
            required=True,
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace output of other flags in --output_dir."
        ),
    ]
