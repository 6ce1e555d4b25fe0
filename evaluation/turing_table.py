"""Makes the table of a Visual Turing Test, the paper's Table 2, from readers' answers.

python -m evaluation.turing_table --test_dirs=turing --output_dir=table
"""

from dataset.shards import UserError
from evaluation.turing.table import write_table
from flags import binary
from flags import turing as turing_flags


def main(settings):
    print(write_table(**settings))


def run():
    binary.run(main, turing_flags.define_turing_table, UserError)


if __name__ == "__main__":
    run()
