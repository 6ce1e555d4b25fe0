"""Makes the table of a Visual Turing Test, the paper's Table 2, from readers' answers.

python -m evaluation.turing_table --test_dirs=turing --output_dir=table
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.turing_table")

from evaluation.turing.table import write_table


def main(settings):
    print(write_table(**settings))
