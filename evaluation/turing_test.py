"""Shows real and synthetic images to readers, on a local page: a Visual Turing Test.

    python -m evaluation.turing_test --real_dirs=real/test/tumor,real/test/non_tumor
      --synthetic_dirs=pggan/tumor,pggan/non_tumor --output_dir=turing

Whoever opens the printed address answers two questions on each image. The same command
continues; `evaluation.turing_table` makes the table of the answers.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.turing_test")

from evaluation.turing.page import show_test


def main(settings):
    show_test(**settings)
