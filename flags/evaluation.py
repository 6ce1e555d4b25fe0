"""Flags of the binaries of `evaluation`."""

from flags import features
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
    rows,
    switch,
    text,
)
from flags.pages import define_port

MEASURES = ("swd", "ms_ssim", "kid", "fid", "precision_recall")


def define_quality():
    """Flags of `evaluation.quality` and `evaluation.tsne`."""
    return dict(
        real_dirs=paths(
            "Shard sets of real images, by commas; for the memorisation report those"
            " that the generators were trained on."
        ),
        held_out_dirs=paths(
            "Shard sets of real images of other patients than --real_dirs, by commas."
            " With them the memorisation report is made: whether synthetic images are"
            " nearer to training images than those of unseen patients.",
            required=False,
        ),
        synthetic_dirs=rows(
            "A row of the results as NAME=FOLDER,FOLDER...: shard sets of the images to"
            " measure. Give the flag once per row. It has to have the classes of"
            " --real_dirs; smaller images are zero-padded to the size of the largest."
        ),
        output_dir=path("Folder for quality.md, .csv and .json, and memorisation.*."),
        measures=items(
            list(MEASURES), f"What to measure, by commas, of {', '.join(MEASURES)}."
        ),
        num_splits=count(
            3,
            "How many times the real images are split into halves; results are means"
            " over these splits, with their spread.",
        ),
        num_images=integer(
            0,
            "Images on either side of every comparison; 0 for as many as the smallest"
            " half or set has. Values of other numbers of images do not compare.",
        ),
        memorisation_images=integer(
            0,
            "Images of each synthetic set whose nearest training images are sought; 0"
            " for all.",
        ),
        seed=integer(0, "Seed of halves, draws, patches and directions."),
        overwrite=overwrite("the results in --output_dir"),
        **features.define_features(),
    )


def define_tsne():
    """Flags of `evaluation.tsne`."""
    return dict(
        real_dirs=paths("Shard sets of real images, by commas."),
        synthetic_dirs=rows(
            "A panel as NAME=FOLDER,FOLDER...: its title, and shard sets of the classes"
            " of --real_dirs. Give the flag once per panel (Han et al., 2019:"
            " geometrically-transformed, PGGAN, UNIT, SimGAN)."
        ),
        output_dir=path("Folder for tsne.png, .svg, .csv (coordinates) and .json."),
        num_images=integer(
            300,
            "Images of each class of each set, chosen by --seed (Han et al., 2019: 300"
            " per category).",
            least=2,
        ),
        perplexity=number(
            100.0,
            "How many neighbours an image has, roughly (Han et al., 2019: 100); less"
            " than the images of a plane.",
            least=1.0,
        ),
        num_iterations=integer(
            1000,
            "Steps of t-SNE (Han et al., 2019: 1,000), the first 250 exaggerated.",
            least=250,
        ),
        space=choice(
            ("pixels", "features"),
            "Whether images are alike by their pixels, as in the paper, or by features"
            " of --backbone.",
        ),
        joint=switch(
            "One plane for all sets, with the real images at the same points in every"
            " panel, instead of a plane of its own for each (Han et al., 2019)."
        ),
        seed=integer(0, "Seed of the choice of images and of t-SNE."),
        overwrite=overwrite("the figure in --output_dir"),
        **features.define_features(),
    )


def define_table():
    """Flags of `evaluation.table`."""
    return dict(
        rows=rows(
            "A row of the table as NAME=PATH: what the classifier was trained on, and"
            " its predictions.csv. Give the flag once per row. NAME is a mix,"
            " real+classic, or initialisation and mix, imagenet/real+classic: a part of"
            " the table for each. Rows of one name are runs of one setup, such as other"
            " seeds of the detector, and become one row: their mean. NAME@chain-1=PATH"
            " is a run of NAME whose images are from another seed of the whole chain,"
            " any number; without, it is chain 0. NAME=PATH,PATH,... are the folds of"
            " one run: predictions by one detector per fold, of other patients each,"
            " the same folds in every row."
        ),
        output_dir=path(
            "Folder for table.md, .csv and .json, comparisons.csv, and roc and"
            " intervals as .png and .svg."
        ),
        protocol=choice(
            ["full", "paper"],
            "Which images count. full: all, once. paper: as the percentages of Han et"
            " al. (2019) must have been made: batches of 32 with the remainder dropped,"
            " in three separate passes over all images (accuracy), the tumor images"
            " (sensitivity) and the non-tumor images (specificity).",
        ),
        **_define_threshold(),
        at_specificity=fraction(
            0.9,
            "Specificity at which sensitivities are compared, a fraction: every"
            " detector gets the threshold that has it on the non-tumor images that it"
            " is tested on (docs/statistics.md). 0.9: high enough to be of use, and low"
            " enough that a threshold rests on several images even of a small fold; the"
            " paper's detectors have 0.72 to 0.99.",
        ),
        baseline=text(
            None,
            "Mix that the others of its initialisation are compared with (intervals"
            " over patients; image-wise exact McNemar test, Holm's correction). By"
            " default real+classic, where there is one.",
        ),
        controls=rows(
            "A compute-matched control as ROW=CONTROL, names of two rows: CONTROL is"
            " the baseline's mix trained for as many steps as ROW. It is shown below,"
            " and ROW is tested against it. Give the flag once per row.",
            required=False,
        ),
        compare_to=choice(
            ["paper"],
            "paper: put the printed values of Han et al. (2019) beside rows that have"
            " the names of workflow/paper.yaml.",
            default=None,
        ),
        num_bootstrap=integer(
            2000, "Draws of patients for the intervals over patients.", least=100
        ),
        seed=integer(0, "Seed of these draws."),
        overwrite=overwrite("the table in --output_dir"),
    )


def define_learning_curve():
    """Flags of `evaluation.learning_curve`."""
    return dict(
        points=rows(
            "A point of the curve as TABLE=REPORT: --output_dir of an evaluation.table,"
            " and the report.json of dataset.prepare or dataset.import_images that"
            " names its training patients, of folds one each, by commas. Give the flag"
            " once per point. All tables have the same test images and settings."
        ),
        output_dir=path("Folder for learning_curve.md, .csv, .json, .png and .svg."),
        overwrite=overwrite("the curve in --output_dir"),
    )


def define_select():
    """Flags of `evaluation.select`."""
    return dict(
        candidates=rows(
            "A candidate as STEP=PATH: the refiner's step, and the predictions.csv of"
            " the validation images by the pre-trained classifier that was trained with"
            " classic DA and that step's images. Give the flag once per candidate; one"
            " step several times for several runs: their mean counts."
        ),
        output_json=path("File for the selected step, and every candidate's accuracy."),
        **_define_threshold(),
        overwrite=overwrite("--output_json"),
    )


def _define_threshold():
    return dict(
        threshold=fraction(
            0.5, "An image is called tumor if its probability is at least this."
        )
    )


def define_turing_test():
    """Flags of `evaluation.turing_test`."""
    return dict(
        real_dirs=paths(
            "Shard sets of real images, by commas, such as real/test/tumor and"
            " real/test/non_tumor. Images come from as many patients as there are."
        ),
        synthetic_dirs=paths(
            "Shard sets of synthetic images, by commas. Padding to a GAN's power of 2"
            " (256 px for 240) is cut off; all images are shown at the smallest size."
        ),
        output_dir=path(
            "Folder of the test: which images, and all readers' answers. Keep"
            " test.json from readers, it has the truth."
        ),
        num_images=count(
            50,
            "Images of each class from each source; a reader sees four times as many"
            " (Han et al., 2019: 50).",
        ),
        seed=integer(0, "Seed of the choice of images, and of each reader's order."),
        **define_port(),
    )


def define_reader_training():
    """Flags of `evaluation.reader_training`."""
    return dict(
        real_dirs=paths("Shard sets of real images, by commas."),
        synthetic_dirs=rows(
            "A source of synthetic images as NAME=FOLDER,FOLDER...; the page tells the"
            " name after a reply. Give the flag once per source. Images are cut and"
            " reduced to the smallest size, as in evaluation.turing_test."
        ),
        classes=items(
            ["tumor", "non_tumor"],
            "Classes to show, by commas, in equal shares. With one alone, readers are"
            " asked real or synthetic only.",
        ),
        output_dir=path("Folder of all readers' replies, with the truth about each."),
        num_images=integer(
            0, "Images after which a reader is done; 0: as many as the reader likes."
        ),
        seed=integer(0, "Seed of each reader's series of images."),
        **define_port(),
    )


def define_turing_table():
    """Flags of `evaluation.turing_table`."""
    return dict(
        test_dirs=paths(
            "Folder that evaluation.turing_test wrote. Several, by commas, if readers"
            " elsewhere answered copies of the same test."
        ),
        output_dir=path("Folder for turing.md, turing.csv and turing.json."),
        overwrite=overwrite("the table in --output_dir"),
    )


def define_report():
    """Flags of `evaluation.report`."""
    return dict(
        experiment_dir=path(
            "Folder of the experiment, --output_dir of workflow.run. Trainings, shard"
            " sets and results are found wherever they lie in it."
        ),
        output_html=path("File for the page."),
        title=text("Brain MR augmentation", "Heading of the page."),
        table_dir=_output_of("evaluation.table"),
        learning_curve_dir=_output_of("evaluation.learning_curve"),
        turing_dir=_output_of("evaluation.turing_table"),
        tsne_dir=_output_of("evaluation.tsne"),
        quality_dir=_output_of("evaluation.quality"),
        max_megabytes=number(
            9.0,
            "Size that the page is to have at most; pictures are made smaller to fit.",
            least=0.1,
        ),
        overwrite=overwrite("--output_html"),
    )


def _output_of(binary):
    text = f"--output_dir of {binary}; by default every one in --experiment_dir."
    return path(text, required=False)
