"""Flags of `evaluation.turing_test` and `evaluation.turing_table`."""

from absl import flags

from flags.pages import define_port

flags.disclaim_key_flags()


def define_turing_test():
    """Flags of `evaluation.turing_test`."""
    return [
        flags.DEFINE_list(
            "real_dirs",
            None,
            "Shard sets of real images, by commas, such as real/test/tumor and"
            " real/test/non_tumor. Images come from as many patients as there are.",
            required=True,
        ),
        flags.DEFINE_list(
            "synthetic_dirs",
            None,
            "Shard sets of synthetic images, by commas. Padding to a GAN's power of 2"
            " (256 px for 240) is cut off; all images are shown at the smallest size.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder of the test: which images, and all readers' answers. Keep"
            " test.json from readers, it has the truth.",
            required=True,
        ),
        flags.DEFINE_integer(
            "num_images",
            50,
            "Images of each class from each source; a reader sees four times as many"
            " (Han et al., 2019: 50).",
            lower_bound=1,
        ),
        flags.DEFINE_integer(
            "seed",
            0,
            "Seed of the choice of images, and of each reader's order.",
            lower_bound=0,
        ),
        define_port(),
    ]


def define_turing_table():
    """Flags of `evaluation.turing_table`."""
    return [
        flags.DEFINE_list(
            "test_dirs",
            None,
            "Folder that evaluation.turing_test wrote. Several, by commas, if readers"
            " elsewhere answered copies of the same test.",
            required=True,
        ),
        flags.DEFINE_string(
            "output_dir",
            None,
            "Folder for turing.md, turing.csv and turing.json.",
            required=True,
        ),
        flags.DEFINE_bool("overwrite", False, "Replace the table in --output_dir."),
    ]
