"""Shows real and synthetic images to readers, on a local page: a Visual Turing Test.

    python -m evaluation.turing_test --real_dirs=real/test/tumor,real/test/non_tumor
      --synthetic_dirs=pggan/tumor,pggan/non_tumor --output_dir=turing

Whoever opens the printed address answers two questions on each image. The same command
continues; `evaluation.turing_table` makes the table of the answers.
"""

from dataset.shards import UserError
from evaluation.turing_page import create_page
from evaluation.turing_selection import write_test
from flags import binary
from flags import turing as turing_flags
from pages.server import serve


def show_test(real_dirs, synthetic_dirs, output_dir, *, num_images, seed, port):
    """Chooses the images, or finds them chosen, and serves the page until Ctrl+C."""
    test = write_test(
        output_dir, real_dirs, synthetic_dirs, num_images=num_images, seed=seed
    )
    app, readings = create_page(test, output_dir)
    serve(app, port, f"read {readings.total} images")
    for reader, answered in readings.progress().items():
        print(f"{reader}: {answered} of {readings.total} images answered.")
    print(f"Answers are in {readings.journal.path}; the same command continues.")


def main(settings):
    show_test(**settings)


def run():
    binary.run(main, turing_flags.define_turing_test, UserError)


if __name__ == "__main__":
    run()
