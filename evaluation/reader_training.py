"""Trains readers to tell synthetic from real images, on a local page with the answers.

    python -m evaluation.reader_training --real_dirs=real/train/tumor
      --synthetic_dirs=pggan=pggan/tumor --classes=tumor --output_dir=training

After each reply the page shows the truth, where the image comes from, and the score.
Before it, the server sends what `evaluation.turing_test` does: images alike in all but
content, by their number in the reader's own series. The same command continues.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("evaluation.reader_training")

import os
import threading

import flask

from dataset.errors import UserError
from dataset.folders import claim_folder, release_folder, write_json
from dataset.shards import PROJECT_VERSION
from evaluation.readers import reader_name
from evaluation.training_scores import training_scores, truth
from evaluation.training_series import Series
from evaluation.turing_images import ANSWERS
from evaluation.turing_scores import QUESTIONS
from pages import pictures, server
from pages.journal import Journal

BINARY = "evaluation.reader_training"
TRAINING = "training.json"


def show_training(*, output_dir, num_images, port, **drawing):
    """Serves the page until Ctrl+C; the arguments are the flags."""
    series = Series(**drawing)
    job = {
        "binary": BINARY,
        "project_version": PROJECT_VERSION,
        "settings": {"classes": drawing["classes"], "seed": drawing["seed"]},
        "inputs": series.inputs,
    }
    if not claim_folder(output_dir, job, final=TRAINING, is_own=lambda name: False):
        write_json(os.path.join(output_dir, TRAINING), job)
        release_folder(output_dir)
    questions = QUESTIONS if len(drawing["classes"]) > 1 else QUESTIONS[:1]
    app, replies = create_page(series, output_dir, questions, num_images)
    server.serve(app, port, "train")
    for reader, count in replies.progress().items():
        print(f"{reader}: {count} images.")
    replies.journal.close()
    print(f"Replies are in {replies.journal.path}; the same command continues.")


class Replies:
    """What readers replied, in the order of their series, each image once.

    Attributes:
      journal: their `Journal`; its entries have the keys `reader`, `number` (in the
        reader's series, from 0), `real` and `tumor` (bools, what the reader says; None
        where it was not asked), and the truth: `source`, `label`.

    Raises:
      UserError: replies are not those to this series.
    """

    def __init__(self, series, output_dir):
        self._series, self._iterators = series, {}
        self._images = {}  # By reader, those of the series so far.
        self._replies = {}
        self._lock = threading.RLock()
        self.journal = Journal(os.path.join(output_dir, ANSWERS))
        for line, entry in enumerate(self.journal.entries, 1):
            try:
                image = self.image(entry["reader"], entry["number"])
                fits = all(entry[k] == image[k] for k in ("source", "label"))
                is_next = entry["number"] == self.count(entry["reader"])
                if not (fits and is_next and {"real", "tumor"} <= entry.keys()):
                    raise ValueError
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UserError(
                    f"{self.journal.path}, line {line}: no reply to the next image of"
                    " this series."
                ) from error
            self._replies.setdefault(entry["reader"], []).append(entry)

    def count(self, reader):
        return len(self._replies.get(reader, ()))

    def progress(self):
        """{reader: number of replies}, by name."""
        with self._lock:
            return {name: len(own) for name, own in sorted(self._replies.items())}

    def of_reader(self, reader):
        with self._lock:
            return list(self._replies.get(reader, ()))

    def image(self, reader, number):
        """An image that the reader may see: one replied to, or the next.

        Raises:
          ValueError: any other.
        """
        with self._lock:
            if not 0 <= number <= self.count(reader):
                raise ValueError(number)
            images = self._images.setdefault(reader, [])
            if reader not in self._iterators:
                self._iterators[reader] = self._series.of_reader(reader)
            while len(images) <= number:
                images.append(next(self._iterators[reader]))
            return images[number]

    def store(self, reader, number, said):
        """Stores a reply to the next image; returns the image, with the truth.

        Raises:
          ValueError: it is not the next one. The first reply counts, since the truth is
            known after it.
        """
        with self._lock:
            if number != self.count(reader):
                raise ValueError(number)
            image = self.image(reader, number)
            entry = {"reader": reader, "number": number, **said}
            entry |= {key: image[key] for key in ("source", "label")}
            self._replies.setdefault(reader, []).append(self.journal.append(entry))
            return image


def create_page(series, output_dir, questions, num_images=0):
    """The Flask app of a training.

    Args:
      series: the `Series`.
      output_dir: folder in which replies are kept.
      questions: that are asked, `real` or `real` and `tumor`.
      num_images: after which a reader is done; 0 for never.

    Returns:
      The app and its `Replies`.
    """
    replies = Replies(series, output_dir)
    app = server.create_app("evaluation")

    def state(reader):
        own = replies.of_reader(reader)
        scores = training_scores(own, questions)
        return {"replied": len(own), "total": num_images, "scores": scores}

    @app.get("/")
    def page():
        return flask.render_template("reader_training.html", questions=questions)

    @app.get("/readers")
    def readers():
        return {"readers": replies.progress()}

    @app.get("/answers")
    def answers():
        return state(reader_name(flask.request.args.get("reader", "")))

    @app.post("/answers")
    def answer():
        types = {q: bool if q in questions else type(None) for q in QUESTIONS}
        reader, number, *said = server.posted(reader=str, number=int, **types)
        reader = reader_name(reader)
        if num_images and number >= num_images:
            flask.abort(409, f"All {num_images} images are answered.")
        try:
            image = replies.store(reader, number, dict(zip(QUESTIONS, said)))
        except ValueError:
            flask.abort(409, "Not the next image of this reader; load the page again.")
        return {**state(reader), "source": image["source"], "truth": truth(image)}

    @app.get("/images/<int:number>.png")
    def image(number):
        reader = reader_name(flask.request.args.get("reader", ""))
        try:
            shown = replies.image(reader, number)
        except ValueError:
            flask.abort(404, "No image that this reader may see yet.")
        # Without compression: the length of the file would tell smooth from noisy.
        return pictures.png_response(series.image(shown), compression=0)

    return app, replies


def main(settings):
    show_training(**settings)
