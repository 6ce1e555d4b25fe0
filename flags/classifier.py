"""Flags of `classifier.augment`, `.train`, `.predict` and `.export`."""

from flags import training
from flags.dataset import define_volume_rules, patient_pattern
from flags.kinds import (
    choice,
    count,
    fraction,
    integer,
    integers,
    items,
    number,
    overwrite,
    path,
    paths,
    percentage,
    switch,
)


def define_augment():
    """Flags of `classifier.augment`."""
    return dict(
        data_dirs=paths(
            "Shard sets to transform, by commas: the real training images, both"
            " classes, all of one size. Every image is the parent of equally many."
        ),
        output_dir=path("Folder of the new shard set."),
        num_images=count(
            200000,
            "Number of images of both classes together, in the balance of --data_dirs"
            " (Han et al., 2019: 200,000 and 400,000).",
        ),
        seed=integer(0, "Image n is a function of it and n alone."),
        rotation=number(10.0, "Largest rotation, in degrees."),
        shift=number(8.0, "Largest shift in width and height, in percent of them."),
        shear=number(8.0, "Largest shear, in --shear_unit."),
        shear_unit=choice(
            ("percent", "degrees"),
            "percent: of the height, the tangent of the angle, which is what 'up to 8%'"
            " says; degrees: what Keras' ImageDataGenerator takes (--shear=0.08 is its"
            " shear_range=0.08, next to nothing).",
        ),
        zoom=percentage(
            8.0,
            "Largest zoom, in and out and for each axis on its own, in percent.",
            most=99.0,
        ),
        images_per_shard=count(1024, "Images per TFRecord file."),
        overwrite=overwrite("a set that is there already"),
    )


def define_train():
    """Flags of `classifier.train`."""
    return dict(
        **training.define_training(batch_size=96),
        **_define_input(),
        **_define_network(),
        **_define_schedule(),
    )


def _define_input():
    return dict(
        train_dirs=paths(
            "Shard sets to train on, by commas: the mix of real, classic and synthetic"
            " images. An epoch is their union; sizes may differ."
        ),
        train_images=items(
            None,
            "Number of images to take of each of --train_dirs, by commas, chosen at"
            " random by --seed; 0 for all. Such as 0,0,750,750, to see how many"
            " synthetic images help. Default: all of each.",
        ),
        validation_dirs=paths(
            "Shard sets of real images of other patients, by commas."
        ),
    )


def _define_network():
    return dict(
        image_size=count(
            224,
            "Height and width at which ResNet sees an image, in pixels, 32 at least;"
            " every image is resized to it.",
        ),
        blocks=integers(
            4,
            "3,4,6,3",
            "Residual blocks in each of ResNet's four stages, by commas (ResNet-50:"
            " 3,4,6,3, which Han et al., 2019, use).",
        ),
        base_maps=count(
            64,
            "Maps of ResNet's first convolution (ResNet-50: 64); the four stages have"
            " 4, 8, 16 and 32 times as many.",
        ),
        weights=path(
            "What ResNet starts from: none (scratch), imagenet (Keras' own file of"
            " ResNet-50, from its cache or downloaded) or the path of a file of Keras'"
            " layout.",
            default="none",
            required=False,
        ),
        dropout=fraction(
            0.5,
            "Share of the pooled features left out in a step (Han et al., 2019: 0.5).",
            most=0.999,
        ),
        batch_norm_momentum=fraction(
            0.99,
            "Share of batch norm's moving averages that a step keeps (Keras: 0.99)."
            " Validation uses these averages, which lag by 1 / (1 - momentum) steps:"
            " where an epoch has fewer than some hundred steps, take less, or early"
            " stopping keeps weights from before anything was learnt.",
            most=0.9999,
        ),
        sync_batch_norm=switch(
            "With several replicas, let batch norm see the whole batch and not each"
            " replica's part, so that their number does not change the result.",
            default=True,
        ),
    )


def _define_schedule():
    return dict(
        learning_rate=number(
            1e-2, "Of SGD, in the first epoch (Han et al., 2019: 0.01)."
        ),
        momentum=fraction(0.9, "Of SGD."),
        class_weights=choice(
            ["none", "balanced"],
            "Weight of an image in the loss: 1 (Han et al., 2019), or such that both"
            " labels count alike however many images they have in --train_dirs, 1 on"
            " average. Validation and its loss are without.",
        ),
        decay_factor=fraction(
            0.0,
            "Factor of the learning rate every --decay_epochs. 0: as in Han et al."
            " (2019), 0.1 from scratch, 0.5 with pre-trained --weights.",
        ),
        decay_epochs=integer(
            0,
            "Epochs between two such steps. 0: as in Han et al. (2019), 20 from"
            " scratch, 5 with pre-trained --weights.",
        ),
        max_epochs=count(
            100, "Epochs after which training ends in any case (the paper names none)."
        ),
        steps_per_epoch=integer(
            0,
            "Steps of an epoch, after which there is a validation; 0: one pass over"
            " --train_dirs.",
        ),
        patience=count(
            20,
            "Early stopping: epochs without a better validation after which training"
            " ends. The best epoch's weights are the result.",
        ),
        match_steps_of=path(
            "Folder of a finished training whose number of steps this one takes, in"
            " whole epochs and without early stopping: a control that costs as much, so"
            " that a gain is not just longer training. Replaces --max_epochs and"
            " --patience.",
            required=False,
        ),
        monitor=choice(
            ("accuracy", "loss"),
            "What early stopping compares. accuracy: by it the paper selects, and it is"
            " not spoilt by a few confident errors; of two equal ones the smaller loss"
            " is better. loss: the cross-entropy alone.",
        ),
    )


def define_predict():
    """Flags of `classifier.predict`."""
    return dict(
        model_dir=path("Folder of a classifier.train."),
        data_dirs=paths(
            "Shard sets to predict, by commas. This, --volume or --images.",
            required=False,
        ),
        volume=path(
            "Skull-stripped T1c volume to predict slice by slice: .nii, .nii.gz, .mha,"
            " .nrrd, .nhdr, or the folder of one DICOM series. For detectors trained on"
            " slices of dataset.prepare: a brain without skull, as after HD-BET or"
            " SynthStrip, and not turned against BraTS' atlas (SRI24), to which a rigid"
            " registration brings it. Orientation, spacing and place are taken from the"
            " header.",
            required=False,
        ),
        **define_volume_rules(),
        images=paths(
            "Image files and folders of them, by commas: PNG, JPEG, TIFF or DICOM. They"
            " are made as dataset.import_images made those of the training, its masks"
            " left out. A detector of volumes takes 8-bit slices as they are.",
            required=False,
        ),
        intensities=choice(
            ["", "as_is", "percentiles"],
            "For --images: what becomes 0 and 255, in place of what did in training"
            " (see dataset.import_images).",
        ),
        patient_pattern=patient_pattern(
            "the path of one of --images",
            "For intensities by percentiles, which are of all images of a patient."
            " Without, all are one patient's.",
        ),
        skip_bad_files=switch(
            "For --images: leave out files that cannot be used. They are listed either"
            " way."
        ),
        output_csv=path(
            "File for the probabilities: id,patient,label,probability for --data_dirs,"
            " slice,file_slice,probability for --volume (slice of BraTS' frame of 155,"
            " and of the file), file,probability for --images."
        ),
        output_png=path(
            "File for a picture of the suspicious slices of --volume, or of --images;"
            " by default --output_csv's name with .png.",
            required=False,
        ),
        heat_maps=switch(
            "Draw beside each slice or image of the picture where the detector sees a"
            " tumor (Grad-CAM; Selvaraju et al., 2017), each as a share of its own"
            " highest value. For --volume and --images."
        ),
        threshold=fraction(0.5, "Probability from which on a slice is suspicious."),
        batch_size=count(96, "Images at once."),
        overwrite=overwrite("files that are there already"),
    )


def define_export():
    """Flags of `classifier.export`."""
    return dict(
        model_dir=path("Folder of a classifier.train."),
        output_dir=path(
            "Folder of the new SavedModel; TensorFlow Serving expects a number as its"
            " last part, such as detector/1."
        ),
        overwrite=overwrite("a folder that is there already"),
    )
