"""Shows real and synthetic images to readers, on a local page: a Visual Turing Test.

    python -m evaluation.turing_test --real_dirs=real/test/tumor,real/test/non_tumor
      --synthetic_dirs=pggan/tumor,pggan/non_tumor --output_dir=turing

Whoever opens the printed address answers two questions on each image. The same command
continues; `evaluation.turing_table` makes the table of the answers.
"""

from dataset.shards import UserError
from evaluation.turing.page import show_test
from flags import binary
from flags import turing as turing_flags


def main(settings):
    show_test(**settings)


def run():
    binary.run(main, turing_flags.define_turing_test, UserError)


if __name__ == "__main__":
    run()
