"""The page of a Visual Turing Test: one image at a time, two questions each.

Readers are blinded. An image's address is its place in the reader's own order, all
images are PNG files of one size, one encoding and one number of bytes, and nothing that
the server says depends on the truth.
"""

import os
import threading

import flask

from dataset.shards import UserError
from evaluation.turing_selection import ANSWERS, load_images, reader_order
from pages import pictures, server
from pages.journal import Journal

LONGEST_NAME = 40
LONGEST_TIME = 24 * 3600.0  # seconds


class Readings:
    """The answers of all readers of a test.

    Attributes:
      total: number of images.
      journal: their `Journal`; its entries have the keys `reader`, `image` (number in
        `test.json`), `real` and `tumor` (bools, what the reader says) and `seconds`
        (that the image was looked at for this answer). The last one of a reader to an
        image counts.
    """

    def __init__(self, test, output_dir):
        self.total = len(test["images"])
        self.journal = Journal(os.path.join(output_dir, ANSWERS))
        self._seed = test["settings"]["seed"]
        self._lock = threading.Lock()
        self._places = {}
        self._answers = {}
        for entry in self.journal.entries:
            self._take(entry)

    def _take(self, entry):
        reader = entry["reader"]
        place = self._place_of(reader)[entry["image"]]
        answer = {"real": entry["real"], "tumor": entry["tumor"]}
        self._answers.setdefault(reader, {})[place] = answer

    def _place_of(self, reader):
        """{image number: place} of a reader."""
        if reader not in self._places:
            order = reader_order(self._seed, reader, self.total).tolist()
            self._places[reader] = {image: n for n, image in enumerate(order)}
        return self._places[reader]

    def image_number(self, reader, place):
        """The image that a reader sees at a place; 404 if there is no such place."""
        if not 0 <= place < self.total:
            flask.abort(404, f"Places are 0 to {self.total - 1}.")
        return int(reader_order(self._seed, reader, self.total)[place])

    def progress(self):
        """{reader: number of images answered}, by name."""
        with self._lock:
            return {name: len(a) for name, a in sorted(self._answers.items())}

    def answers(self, reader):
        """{place: answer} of a reader."""
        with self._lock:
            return dict(self._answers.get(reader, {}))

    def store(self, reader, place, real, tumor, seconds):
        """Stores an answer; returns how many images the reader has answered."""
        answer = {"real": real, "tumor": tumor, "seconds": round(seconds, 3)}
        image = self.image_number(reader, place)
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
    readings = open_readings(test, output_dir)
    app = server.create_app("evaluation")

    @app.get("/")
    def page():
        return flask.render_template("turing_test.html")

    @app.get("/readers")
    def readers():
        return {"total": readings.total, "readers": readings.progress()}

    @app.get("/answers")
    def answers():
        reader = reader_name(flask.request.args.get("reader", ""))
        return {"total": readings.total, "answers": readings.answers(reader)}

    @app.post("/answers")
    def answer():
        reader, place, real, tumor, seconds = server.posted(
            reader=str, place=int, real=bool, tumor=bool, seconds=(int, float)
        )
        if not 0 <= seconds <= LONGEST_TIME:
            flask.abort(400, "seconds: wanted 0 to a day.")
        return {
            "answered": readings.store(reader_name(reader), place, real, tumor, seconds)
        }

    @app.get("/images/<int:place>.png")
    def image(place):
        reader = reader_name(flask.request.args.get("reader", ""))
        # Without compression: the length of the file would tell smooth from noisy.
        number = readings.image_number(reader, place)
        return pictures.png_response(images[number], compression=0)

    return app, readings


def open_readings(test, output_dir):
    """The `Readings` of a test; what does not fit it is refused."""
    try:
        return Readings(test, output_dir)
    except (KeyError, TypeError) as error:
        path = os.path.join(output_dir, ANSWERS)
        raise UserError(f"{path}: holds an answer to no image of this test.") from error


def reader_name(text):
    """A reader's name without spaces around it; 400 if it is none."""
    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        flask.abort(400, f"The name: wanted 1 to {LONGEST_NAME} printable characters.")
    return name
