"""Flags of `classifier.augment`, `.train`, `.predict` and `.export`."""

from absl import flags

from flags import training

flags.disclaim_key_flags()


def define_augment():
    """Flags of `classifier.augment`."""
    return [
        flags.DEFINE_list(
            "data_dirs",
            None,
            "Shard sets to transform, by commas: the real training images, both"
            " classes, all of one size. Every image is the parent of equally many.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir", None, "Folder of the new shard set.", required=True
        ),
        flags.DEFINE_integer(
            "num_images",
            200000,
            "Number of images of both classes together, in the balance of --data_dirs"
            " (Han et al., 2019: 200,000 and 400,000).",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "seed", 0, "Image n is a function of it and n alone.", lower_bound=0
        ),
        flags.DEFINE_float(
            "rotation", 10.0, "Largest rotation, in degrees.", lower_bound=0.0
        ),
        flags.DEFINE_float(
            "shift",
            8.0,
            "Largest shift in width and height, in percent of them.",
            lower_bound=0.0,
        ),
        flags.DEFINE_float(
            "shear", 8.0, "Largest shear, in --shear_unit.", lower_bound=0.0
        ),
        flags.DEFINE_enum(
            "shear_unit",
            "percent",
            ("percent", "degrees"),
            "percent: of the height, the tangent of the angle, which is what 'up to 8%'"
            " says; degrees: what Keras' ImageDataGenerator takes (--shear=0.08 is its"
            " shear_range=0.08, next to nothing).",
        ),
        flags.DEFINE_float(
            "zoom",
            8.0,
            "Largest zoom, in and out and for each axis on its own, in percent.",
            lower_bound=0.0,
            upper_bound=99.0,
        ),
        flags.DEFINE_integer(
            "images_per_shard", 1024, "Images per TFRecord file.", lower_bound=1
        ),
        flags.DEFINE_bool("overwrite", False, "Replace a set that is there already."),
    ]


def define_train():
    """Flags of `classifier.train`."""
    return [
        *training.define_training(batch_size=96),
        *_define_input(),
        *_define_network(),
        *_define_schedule(),
    ]


def _define_input():
    return [
        flags.DEFINE_list(
            "train_dirs",
            None,
            "Shard sets to train on, by commas: the mix of real, classic and synthetic"
            " images. An epoch is their union; sizes may differ.",
            required=True,
        ),
        flags.DEFINE_list(
            "validation_dirs",
            None,
            "Shard sets of real images of other patients, by commas.",
            required=True,
        ),
    ]


def _define_network():
    return [
        flags.DEFINE_integer(
            "image_size",
            224,
            "Height and width at which ResNet sees an image, in pixels, 32 at least;"
            " every image is resized to it.",
            lower_bound=1,
        ),
        flags.DEFINE(
            _BlocksParser(),
            "blocks",
            "3,4,6,3",
            "Residual blocks in each of ResNet's four stages, by commas (ResNet-50:"
            " 3,4,6,3, which Han et al., 2019, use).",
            serializer=flags.ListSerializer(","),
        ),
        flags.DEFINE_integer(
            "base_maps",
            64,
            "Maps of ResNet's first convolution (ResNet-50: 64); the four stages have"
            " 4, 8, 16 and 32 times as many.",
            lower_bound=1,
        ),
        flags.DEFINE_string(
            "weights",
            "none",
            "What ResNet starts from: none (scratch), imagenet (Keras' own file of"
            " ResNet-50, from its cache or downloaded) or the path of a file of Keras'"
            " layout.",
        ),
        flags.DEFINE_float(
            "dropout",
            0.5,
            "Share of the pooled features left out in a step (Han et al., 2019: 0.5).",
            lower_bound=0.0,
            upper_bound=0.999,
        ),
        flags.DEFINE_float(
            "batch_norm_momentum",
            0.99,
            "Share of batch norm's moving averages that a step keeps (Keras: 0.99)."
            " Validation uses these averages, which lag by 1 / (1 - momentum) steps:"
            " where an epoch has fewer than some hundred steps, take less, or early"
            " stopping keeps weights from before anything was learnt.",
            lower_bound=0.0,
            upper_bound=0.9999,
        ),
        flags.DEFINE_bool(
            "sync_batch_norm",
            True,
            "With several replicas, let batch norm see the whole batch and not each"
            " replica's part, so that their number does not change the result.",
        ),
    ]


class _BlocksParser(flags.ListParser):
    """A list of four positive integers."""

    def parse(self, argument):
        blocks = super().parse(argument)
        if len(blocks) != 4 or not all(str(n).isdecimal() and int(n) for n in blocks):
            raise ValueError("expected four positive integers, by commas.")
        return [int(number) for number in blocks]


def _define_schedule():
    return [
        flags.DEFINE_float(
            "learning_rate",
            1e-2,
            "Of SGD, in the first epoch (Han et al., 2019: 0.01).",
            lower_bound=0.0,
        ),
        flags.DEFINE_float(
            "momentum", 0.9, "Of SGD.", lower_bound=0.0, upper_bound=1.0
        ),
        flags.DEFINE_float(
            "decay_factor",
            0.0,
            "Factor of the learning rate every --decay_epochs. 0: as in Han et al."
            " (2019), 0.1 from scratch, 0.5 with pre-trained --weights.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
        flags.DEFINE_integer(
            "decay_epochs",
            0,
            "Epochs between two such steps. 0: as in Han et al. (2019), 20 from"
            " scratch, 5 with pre-trained --weights.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "max_epochs",
            100,
            "Epochs after which training ends in any case (the paper names none).",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "steps_per_epoch",
            0,
            "Steps of an epoch, after which there is a validation; 0: one pass over"
            " --train_dirs.",
            lower_bound=0,
        ),
        flags.DEFINE_integer(
            "patience",
            20,
            "Early stopping: epochs without a better validation after which training"
            " ends. The best epoch's weights are the result.",
            lower_bound=1,
        ),
        flags.DEFINE_string(
            "match_steps_of",
            None,
            "Folder of a finished training whose number of steps this one takes, in"
            " whole epochs and without early stopping: a control that costs as much, so"
            " that a gain is not just longer training. Replaces --max_epochs and"
            " --patience.",
        ),
        flags.DEFINE_enum(
            "monitor",
            "accuracy",
            ("accuracy", "loss"),
            "What early stopping compares. accuracy: by it the paper selects, and it is"
            " not spoilt by a few confident errors; of two equal ones the smaller loss"
            " is better. loss: the cross-entropy alone.",
        ),
    ]


def define_predict():
    """Flags of `classifier.predict`."""
    return [
        _model_dir(),
        flags.DEFINE_list(
            "data_dirs",
            None,
            "Shard sets to predict, by commas. This, --volume or --images.",
        ),
        flags.DEFINE_string(
            "volume",
            None,
            "Skull-stripped T1c volume to predict slice by slice: .nii, .nii.gz or"
            " .mha. For detectors trained on slices of dataset.prepare.",
        ),
        flags.DEFINE_list(
            "images",
            None,
            "Image files and folders of them, by commas: PNG, JPEG, TIFF or DICOM. They"
            " are made as dataset.import_images made those of the training, its masks"
            " left out. A detector of volumes takes 8-bit slices as they are.",
        ),
        flags.DEFINE_enum(
            "intensities",
            "",
            ["", "as_is", "percentiles"],
            "For --images: what becomes 0 and 255, in place of what did in training"
            " (see dataset.import_images).",
        ),
        flags.DEFINE_string(
            "patient_pattern",
            None,
            "For --images whose intensities are by percentiles, which are of all images"
            " of a patient: regular expression whose first group, or all of it, is the"
            " patient in a file's path. Without, all files are one patient's.",
        ),
        flags.DEFINE_bool(
            "skip_bad_files",
            False,
            "For --images: leave out files that cannot be used. They are listed either"
            " way.",
        ),
        flags.DEFINE_string(
            "output_csv",
            None,
            "File for the probabilities: id,patient,label,probability for --data_dirs,"
            " slice,file_slice,probability for --volume (slice of BraTS' frame of 155,"
            " and of the file), file,probability for --images.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_png",
            None,
            "File for a picture of the suspicious slices of --volume, or of --images;"
            " by default --output_csv's name with .png.",
        ),
        flags.DEFINE_bool(
            "heat_maps",
            False,
            "Draw beside each slice or image of the picture where the detector sees a"
            " tumor (Grad-CAM; Selvaraju et al., 2017), each as a share of its own"
            " highest value. For --volume and --images.",
        ),
        flags.DEFINE_float(
            "threshold",
            0.5,
            "Probability from which on a slice is suspicious.",
            lower_bound=0.0,
            upper_bound=1.0,
        ),
        flags.DEFINE_integer("batch_size", 96, "Images at once.", lower_bound=1),
        flags.DEFINE_bool("overwrite", False, "Replace files that are there already."),
    ]


def define_export():
    """Flags of `classifier.export`."""
    return [
        _model_dir(),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder of the new SavedModel; TensorFlow Serving wants a number as its"
            " last part, such as detector/1.",
            required=True,
        ),
        flags.DEFINE_bool(
            "overwrite", False, "Replace a folder that is there already."
        ),
    ]


def _model_dir():
    return flags.DEFINE_string(
        "model_dir", None, "Folder of a classifier.train.", required=True
    )
