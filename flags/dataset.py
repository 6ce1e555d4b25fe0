"""Flags of the binaries of `dataset`."""

from flags.kinds import (
    choice,
    count,
    fraction,
    integer,
    items,
    number,
    overwrite,
    path,
    paths,
    percentage,
    switch,
    text,
)

GAN_SIZES = (
    "GANs pad to a power of 2: 240 for GANs of 256 px, 120 for 128, 60 for 64, 30 for"
    " 32"
)


def patient_pattern(searched, otherwise):
    """The flag that finds patients in paths: in which, and what else holds."""
    return text(
        None,
        "Regular expression of which the group, or all that it matches, is the patient"
        f" in {searched}. {otherwise}",
    )


def define_phantom():
    """Flags of `dataset.phantom`."""
    return dict(
        output_dir=path(
            "Folder for the cases, in BraTS 2021's layout: a folder per patient with"
            " ..._t1ce.nii.gz and ..._seg.nii.gz."
        ),
        num_patients=count(
            20,
            "Artificial patients, one to three tumors each. The split is by patient,"
            " so that fewer than about 10 leave little to validate on.",
        ),
        seed=integer(
            0, "Case n is a function of this and n, however many cases there are."
        ),
        spacing=number(
            1.0,
            "Edge of a voxel, in mm. 1 as BraTS, 240x240x155 voxels; 2 makes the same"
            " heads from 120x120x78 voxels in a quarter of the time, enough for"
            " images of 64 px and less.",
            least=1.0,
            most=8.0,
        ),
        tumor_radius=items(
            ["6", "22"],
            "Smallest and largest radius of a tumor's core, in mm, without its edema."
            " At 32 px a pixel is 8 mm: small tumors do not show.",
        ),
        num_workers=integer(0, "Processes; 0: one per core."),
        overwrite=overwrite("cases made with other flags in --output_dir"),
    )


def define_prepare():
    """Flags of `dataset.prepare`."""
    return dict(
        **_define_case_folders(),
        **define_volume_rules(),
        **_define_slices(),
        **_define_slice_rules(),
        **_define_split(),
    )


def _define_case_folders():
    return dict(
        brats_dir=path(
            "Folder of BraTS cases of any year, 2012 to 2024, of the Medical"
            " Segmentation Decathlon's Task01 or in nnU-Net's layout: .nii, .nii.gz,"
            " .mha, .nrrd or .nhdr. Only the T1c volumes and the masks are read. They"
            " are recognized by their names, or found by --volume_pattern."
        ),
        output_dir=path(
            "Folder for {train,validation,test}/{tumor,non_tumor}, slices.csv and"
            " report.json. Run the same command again to continue a stopped run."
        ),
        grade=choice(
            ["HGG", "LGG", "all"],
            "Which gliomas, where the release tells: by folders HGG and LGG, or by"
            " name_mapping.csv (Han et al., 2019: HGG). Others always count.",
        ),
        t1c_channel=choice(
            ["", "0", "1", "2", "3"],
            "Of nnU-Net's files imagesTr/<case>_0000 to _0003, which is T1c,"
            " where its dataset.json does not say it (channel_names).",
        ),
        volume_pattern=text(
            "",
            "Path of a T1c volume below --brats_dir, where names are not those of"
            " BraTS: '{case}/{case}_T1GD.nii.gz'. {case} stands for what tells a case,"
            " * for anything in the name of a file or folder, **/ for any folders.",
        ),
        mask_pattern=text(
            "",
            "The same of its mask, with the same {case}: 'masks/{case}_seg.nii.gz'.",
        ),
        patient_pattern=patient_pattern(
            "a volume's path below --brats_dir; '^([^/]+)/' is the topmost folder",
            "Without, the patient is the case, less a scan's number where names are"
            " those of BraTS, UPENN-GBM or BIDS.",
        ),
        unlabeled=switch(
            "Do without masks: writes the one shard set `unlabeled`, of label -1, to"
            " predict on; no rules on tumors and no split."
        ),
        skip_bad_cases=switch(
            "Continue without the cases that cannot be used; they are listed anyway."
        ),
        overwrite=overwrite("output of other flags in --output_dir"),
        num_workers=integer(
            0, "Processes that read cases, about 0.5 GB each; 0: one per core."
        ),
    )


def define_volume_rules():
    """How volumes are read; `classifier.predict` has these flags, too."""
    return dict(
        affine=choice(
            ["agreed", "sform", "qform"],
            "Which of a NIfTI header's two matrices tells where its voxels are, in"
            " files that have both. agreed: either, and files whose axes or voxel sizes"
            " differ by more than 2 % between sform, qform and pixdim cannot be used.",
        ),
        bare_header=choice(
            ["refuse", "brats", "as_is"],
            "What to do with NIfTI headers that are the identity, or tell nothing, and"
            " NRRD headers without a space of the patient (LPS, RAS or LAS): programs"
            " write them that lost the scanner's. brats: voxels lie as in"
            " BraTS, from right to left, front to back and up; as_is: as the header"
            " has it, from left to right, back to front and up.",
        ),
        units=choice(
            ["header", "mm"],
            "Unit of lengths in NIfTI headers: as the header says (metres, millimetres,"
            " micrometres), or millimetres whatever it says.",
        ),
        nan_is_background=switch(
            "Take NaN for the background, as SPM and FSL write it. Without, volumes"
            " with NaN cannot be used."
        ),
        min_brain_volume=number(
            400.0,
            "Least volume of a brain, in ml, of what differs from the background. A"
            " header of voxels too small shows by it. Adults have 1,000 to 2,000.",
        ),
        max_brain_volume=number(
            2200.0,
            "Largest volume of a brain with its fluid, in ml. Heads that still have"
            " their skull have more, also where the air around them is exactly 0.",
        ),
        max_brain_length=number(
            215.0,
            "Largest extent of a brain along any axis, in mm. Heads with a neck have"
            " more.",
        ),
    )


def _define_slices():
    return dict(
        image_size=integer(
            240,
            "Height and width of the images, in pixels, of the 240 mm square that BraTS"
            f" shows; below 240, area averages. {GAN_SIZES} (Han et al., 2019: 240).",
            least=8,
            most=240,
        ),
        first_slice=integer(
            30,
            "First axial slice, of 0 (lowest) to 154, 1 mm each (Han et al., 2019: 30)."
            " Volumes of another height are brought into these 155 mm first.",
            most=154,
        ),
        last_slice=integer(
            130, "Last axial slice, itself included (Han et al., 2019: 130).", most=154
        ),
        lower_percentile=percentage(
            0.5,
            "Percentile of the brain's intensities, of each volume, that becomes 0.",
        ),
        upper_percentile=percentage(
            99.5,
            "Percentile of the brain's intensities, of each volume, that becomes 255.",
        ),
    )


def _define_slice_rules():
    return dict(
        tumor_labels=items(
            ["1", "2", "3", "4"],
            "Codes of the mask that count as tumor. Slices with other codes only are"
            " left out.",
        ),
        min_tumor_area=number(
            80.0,
            "Area of tumor in mm2 from which a slice shows a tumor; slices with less"
            " are left out as borderline. 80 is a disc of 10 mm, the least that the"
            " RANO criteria call measurable.",
        ),
        non_tumor_margin=integer(
            1,
            "A non-tumor slice is at least this many slices (mm) from any with a"
            " labelled voxel, and one more; nearer ones are left out as borderline.",
        ),
        min_brain_area=number(
            2880.0,
            "Slices with less brain, in mm2, are left out. 2880 is 5 % of the image.",
        ),
        max_straight_edge=number(
            60.0,
            "Slices whose brain has a longer straight edge, in mm, are left out: the"
            " field of view or the skull-stripping cut it. Whole brains have 20-55 mm.",
        ),
        exclude_csv=path(
            "A person's verdicts, which overrule the rules: columns case, slice (empty:"
            " all), verdict (excluded if not given, tumor, non_tumor), reason. An"
            " edited slices.csv will do.",
            required=False,
        ),
        keep_borderline=switch(
            "Write the slices that are left out as borderline, of all parts, as one"
            " more shard set, `borderline`, of label -1: for a person to decide about"
            " with filtering.review, which writes a table for --exclude_csv."
        ),
    )


VOLUMES_ALIKE = (
    "Of ten real patients, two have 0.52 at most; one, moved by 3 mm and 3 degrees, in"
    " another contrast and with less brain, 0.75 at least with itself."
)


def _define_split(duplicate_correlation=0.7, things="cases", evidence=VOLUMES_ALIKE):
    """Flags of how patients are divided; `dataset.import_images` has them, too."""
    return dict(
        split=items(
            ["0.7", "0.1", "0.2"],
            "Patients for train, validation and test: numbers, or fractions that sum to"
            " 1. (The default is 154, 22 and 44 of the 220 of Han et al., 2019, whose"
            " text has the last two swapped.)",
        ),
        num_folds=count(
            1,
            "Folds of a cross-validation; every patient is in the test part of one, and"
            " folds are balanced by patients and tumor slices. The others of a fold are"
            " train and validation in the ratio of --split, but validation has a tenth"
            " of all patients at least, and 5 where more are left to train on. 1: the"
            " one --split.",
        ),
        fold=integer(
            0,
            "Which of the --num_folds to write, from 0. Give all the same other flags.",
        ),
        training_share=fraction(
            1.0,
            "Share of the training patients that is written, rounded up, to see how few"
            " suffice; validation and test are as without. A smaller share is part of"
            " a larger one; which patients it has is a function of --seed and --fold.",
        ),
        duplicate_correlation=number(
            duplicate_correlation,
            f"Two {things} whose patterns of light and dark correlate at least so much"
            f" are taken for one patient's and kept in one part. {evidence} Above 1:"
            " never.",
        ),
        seed=integer(0, "Seed of the split into parts."),
    )


def define_verify():
    """Flags of `dataset.verify`."""
    return dict(
        data_dirs=paths(
            "What to verify, by commas: shard sets, or folders with shard sets at any"
            " depth. A patient may not be in two of them; in a folder with train,"
            " validation and test, not in two of those.",
            required=False,
        ),
        refined_from=path(
            "Shard set of which the one in --data_dirs is a refined version: same"
            " number, order, labels and patients, ids <refiner>/<id there>, at most one"
            " in a hundred equal to another in every pixel.",
            required=False,
        ),
        experiment_dir=path(
            "In place of --data_dirs: an experiment's folder, as workflow.run fills it."
            " From its detectors, digests lead back to the real images of all that"
            " they come from: GANs, clusters, refiners. None of it may have learned"
            " from a validation or test patient of its fold; every patient is tested in"
            " one fold.",
            required=False,
        ),
        run_dirs=paths(
            "Which detectors of --experiment_dir to check: folders in it with model/"
            " and predictions.csv, by commas. Default: all.",
            required=False,
        ),
    )


IMAGES_ALIKE = (
    "Of 60 real patients, slices of two have 0.83 at most (skull-stripped: 0.86); one,"
    " as JPEG, smaller or in another contrast, mostly 0.97 or more with itself. Images"
    " with the same pixels are always found."
)


def define_import_images():
    """Flags of `dataset.import_images`."""
    return dict(
        **_define_image_folders(),
        **_define_sources(),
        **_define_intensities(),
        **_define_image_rules(),
        **_define_split(0.93, "images", IMAGES_ALIKE),
        **_define_set(),
    )


def _define_image_folders():
    return dict(
        images_dir=path(
            "Folder of images at any depth: PNG, JPEG, TIFF (8 or 16 bits) or DICOM, an"
            " image each. Hidden files do not count."
        ),
        output_dir=path(
            "Folder for {train,validation,test}/{tumor,non_tumor}, slices.csv (each"
            " file's verdict) and report.json; with --one_set the set itself. Run the"
            " same command again to continue a stopped run."
        ),
        skip_bad_files=switch(
            "Leave out the files that cannot be used. They are listed either way."
        ),
        overwrite=overwrite("output of other flags in --output_dir"),
        num_workers=integer(
            0,
            "Processes that read patients, each with the images of one in memory; 0:"
            " one per core.",
        ),
    )


def _define_sources():
    return dict(
        class_folders=items(
            ["non_tumor", "tumor"],
            "Names of the folders without and with tumors, anywhere in --images_dir."
            " They give the labels unless --images_csv (column label) or --mask_pattern"
            " does.",
        ),
        images_csv=path(
            "Table of the images: columns file (below --images_dir), label (1 or tumor,"
            " 0 or non_tumor), patient and id. All but file may be missing. Images that"
            " it does not name are left out.",
            required=False,
        ),
        mask_pattern=text(
            None,
            "Path of an image's mask from the image's folder, where {stem} is the"
            " image's name without and {name} with its suffix: {stem}_mask.png,"
            " ../masks/{name}. Every image has one; all 0 is no tumor.",
        ),
        patient_pattern=patient_pattern(
            "an image's path below --images_dir; '^([^/]+)/' is the topmost folder",
            "Where --images_csv names a patient, that counts.",
        ),
        patient_per_image=switch(
            "Images for which nothing tells the patient are each of a patient of their"
            " own. If that is not so, images of one person come into training and test,"
            " and the test flatters."
        ),
        unlabeled=switch(
            "Do without labels: writes the one shard set `unlabeled`, of label -1, to"
            " predict on."
        ),
    )


def _define_intensities():
    """How an image is made of a file."""
    return dict(
        image_size=integer(
            0,
            "Height and width of the images, in pixels: each is padded with 0 to a"
            f" square and area-averaged (enlarged bilinearly if smaller). {GAN_SIZES}."
            " 0: the files' own size, which is then the same for all.",
        ),
        channel=choice(
            ["", "red", "green", "blue", "luminance"],
            "Which channel to take of colour images. Without, they are refused; images"
            " whose channels are all the same are grey.",
        ),
        intensities=choice(
            ["percentiles", "window", "as_is"],
            "What becomes 0 and 255. percentiles: --lower_percentile and"
            " --upper_percentile of the foreground of all images of a patient; window:"
            " the values of --window; as_is: 0 and 255, of 8-bit images only.",
        ),
        window=items(
            [],
            "For --intensities=window: the two values, as in the files (DICOM: after"
            " rescaling), that become 0 and 255.",
        ),
        lower_percentile=percentage(
            0.5,
            "Percentile of the foreground's intensities, of each patient, that becomes"
            " 0. Foreground is what is brighter than a tenth of the way from the"
            " patient's darkest value to the 99th percentile of all.",
        ),
        upper_percentile=percentage(
            99.5,
            "Percentile of the foreground's intensities, of each patient, that becomes"
            " 255.",
        ),
    )


def _define_image_rules():
    return dict(
        min_tumor_area=number(
            80.0,
            "Area of the mask from which an image shows a tumor, in pixels of the file,"
            " or in mm2 with --pixel_spacing; images with less, but some, are left out"
            " as borderline (RANO: 80 mm2 is a disc of 10 mm).",
        ),
        pixel_spacing=number(
            0.0,
            "Distance of the files' pixels in mm, the same both ways, for"
            " --min_tumor_area; 0: not known. Headers of DICOM are not asked.",
        ),
        mask_threshold=number(
            None,
            "Value from which on a pixel of a mask is tumor: 1 for label codes, 128 for"
            " JPEG. Without, masks have the values 0 and one other, or are refused.",
            least=None,
        ),
        min_foreground=percentage(
            5.0,
            "Images with less foreground (see --lower_percentile), in percent of their"
            " pixels, are left out. 5 is what dataset.prepare asks of the brain.",
        ),
    )


def _define_set():
    return dict(
        one_set=switch(
            "Write all images of --images_csv as one shard set, in the order of the"
            " table, with its labels, patients and ids; no split, and nothing is judged"
            " or left out. The way back from dataset.export_images."
        ),
        id_prefix=text(
            "", "For --one_set: put before every id, with a /; a refiner's name."
        ),
        images_per_shard=count(1024, "For --one_set: images per TFRecord file."),
    )


def define_export_images():
    """Flags of `dataset.export_images`."""
    return dict(
        data_dirs=paths("Shard sets to write as PNG, by commas."),
        output_dir=path(
            "Folder for {tumor,non_tumor,unlabeled}/<number>.png, numbered through all"
            " sets in their order, and images.csv: file,label,patient,id of each."
        ),
        overwrite=overwrite("output of other flags in --output_dir"),
    )


def define_card():
    """Flags of `dataset.card`."""
    return dict(
        data_dirs=paths(
            "Shard sets of generated or refined images that the card is about, by"
            " commas; those that dataset.export_images wrote to --output_dir."
        ),
        quality=path(
            "quality.json of evaluation.quality, or its folder: what was measured on"
            " the sets; memorisation.json beside it has the verdict on memorisation.",
            required=False,
        ),
        terms=text(
            None,
            "Terms of the source data, whose patients the networks learned from: a"
            " text, or a file with it. Without, the card says that they are to be"
            " filled in.",
        ),
        title=text("Synthetic brain MR images", "Heading of the card."),
        output_dir=path("Folder for card.md and card.json: that of the PNG files."),
        overwrite=overwrite("the card in --output_dir"),
    )
