"""Shows real and synthetic images to readers, on a local page: a Visual Turing Test.

    python -m evaluation.turing_test --real_dirs=real/test/tumor,real/test/non_tumor
      --synthetic_dirs=pggan/tumor,pggan/non_tumor --output_dir=turing

Whoever opens the printed address answers two questions on each image. The same command
continues; `evaluation.turing_table` makes the table of the answers.

Readers are blinded. An image's address is its position in the reader's own order, all
images are PNG files of one size, one encoding and one number of bytes, and nothing that
the server says depends on the truth.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.turing_test")

import os
import threading

import flask

from dataset.errors import UserError
from evaluation.readers import reader_name
from evaluation.turing_images import ANSWERS, load_images, reader_order, write_test
from evaluation.turing_scores import QUESTIONS
from pages import pictures, server
from pages.journal import Journal

LONGEST_TIME = 24 * 3600.0  # seconds


def show_test(real_dirs, synthetic_dirs, output_dir, *, num_images, seed, port):
    """Selects the images, unless this was done before, and serves the page.

    Until Ctrl+C; the arguments are the flags.
    """
    test = write_test(
        output_dir, real_dirs, synthetic_dirs, num_images=num_images, seed=seed
    )
    app, readings = create_page(test, output_dir)
    server.serve(app, port, f"read {readings.total} images")
    for reader, answered in readings.progress().items():
        print(f"{reader}: {answered} of {readings.total} images answered.")
    print(f"Answers are in {readings.journal.path}; the same command continues.")


class Readings:
    """The answers of all readers of a test.

    Attributes:
      total: number of images.
      journal: their `Journal`; its entries have the keys `reader`, `image` (number in
        `test.json`), `real` and `tumor` (bools, what the reader says) and `seconds`
        (that the image was looked at for this answer). The last one of a reader to an
        image counts.

    Raises:
      UserError: an answer is to no image of the test.
    """

    def __init__(self, test, output_dir):
        self.total = len(test["images"])
        self.journal = Journal(os.path.join(output_dir, ANSWERS))
        self._seed = test["settings"]["seed"]
        self._lock = threading.Lock()
        self._answers = {}  # By reader and number of the image.
        for entry in self.journal.entries:
            try:
                range(self.total).index(entry["image"])
                self._take(entry)
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(
                    f"{self.journal.path}: holds an answer to no image of this test."
                ) from error

    def _take(self, entry):
        answer = {"real": entry["real"], "tumor": entry["tumor"]}
        self._answers.setdefault(entry["reader"], {})[entry["image"]] = answer

    def order(self, reader):
        """The numbers of the images by position in a reader's order."""
        return reader_order(self._seed, reader, self.total).tolist()

    def image_number(self, reader, position):
        """The image at a position of a reader's order; 404 if there is none."""
        if not 0 <= position < self.total:
            flask.abort(404, f"Positions are 0 to {self.total - 1}.")
        return self.order(reader)[position]

    def progress(self):
        """{reader: number of images answered}, by name."""
        with self._lock:
            return {name: len(a) for name, a in sorted(self._answers.items())}

    def answers(self, reader):
        """{position: answer} of a reader."""
        with self._lock:
            own = dict(self._answers.get(reader, {}))
        return {n: own[i] for n, i in enumerate(self.order(reader)) if i in own}

    def store(self, reader, position, real, tumor, seconds):
        """Stores an answer; returns how many images the reader has answered."""
        answer = {"real": real, "tumor": tumor, "seconds": round(seconds, 3)}
        image = self.image_number(reader, position)
        with self._lock:
            entry = {"reader": reader, "image": image, **answer}
            self._take(self.journal.append(entry))
            return len(self._answers[reader])


def create_page(test, output_dir):
    """The Flask app of a test.

    Args:
      test: content of `test.json`.
      output_dir: folder of the test; answers are kept in it.

    Returns:
      The app and its `Readings`.
    """
    images = load_images(test)
    readings = Readings(test, output_dir)
    app = server.create_app("evaluation")

    @app.get("/")
    def page():
        return flask.render_template("turing_test.html", questions=QUESTIONS)

    @app.get("/readers")
    def readers():
        return {"total": readings.total, "readers": readings.progress()}

    @app.get("/answers")
    def answers():
        reader = reader_name(flask.request.args.get("reader", ""))
        return {"total": readings.total, "answers": readings.answers(reader)}

    @app.post("/answers")
    def answer():
        reader, position, real, tumor, seconds = server.posted(
            reader=str, position=int, real=bool, tumor=bool, seconds=(int, float)
        )
        if not 0 <= seconds <= LONGEST_TIME:
            flask.abort(400, "seconds: expected 0 to a day.")
        return {
            "answered": readings.store(
                reader_name(reader), position, real, tumor, seconds
            )
        }

    @app.get("/images/<int:position>.png")
    def image(position):
        reader = reader_name(flask.request.args.get("reader", ""))
        # Without compression: the length of the file would tell smooth from noisy.
        number = readings.image_number(reader, position)
        return pictures.png_response(images[number], compression=0)

    return app, readings


def main(settings):
    show_test(**settings)
