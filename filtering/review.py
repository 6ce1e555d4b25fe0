"""Shows clusters of images, or borderline slices, on a local page to be decided about.

    python -m filtering.review --clusters_dir=clusters --decisions=decisions.jsonl

Open the printed address; the page shows its keys. The same command continues.
"""

if __name__ == "__main__":  # Flags are parsed before TensorFlow is imported.
    from flags import binary

    binary.run("filtering.review")

import getpass
import os
import threading

import flask

from dataset.errors import UserError
from filtering.clusters import Clusters
from filtering.reviews import ClusterReview, SliceReview
from pages import pictures, server

MEMBERS_AT_ONCE = 240


def show_review(*, clusters_dir, prepared_dir, decisions, verdicts_csv, reviewer, port):
    """Serves the page until Ctrl+C; the arguments are the flags by name."""
    if bool(clusters_dir) == bool(prepared_dir):
        raise UserError("Expected one of --clusters_dir and --prepared_dir.")
    if bool(prepared_dir) != bool(verdicts_csv):
        raise UserError("Expected --verdicts_csv with --prepared_dir, and only then.")
    reviewer = reviewer or getpass.getuser()
    os.makedirs(os.path.dirname(decisions) or ".", exist_ok=True)
    if clusters_dir:
        review = ClusterReview(Clusters(clusters_dir), decisions, reviewer)
    else:
        review = SliceReview(prepared_dir, decisions, verdicts_csv, reviewer)
    purpose = f"review {len(review)} {review.things}"
    server.serve(create_page(review), port, purpose)
    print(f"{review.summary()} They are in {decisions}; the same command continues.")


def create_page(review):
    """The Flask app of a `ClusterReview` or a `SliceReview`."""
    app = server.create_app("filtering")
    lock = threading.Lock()

    @app.get("/")
    def page():
        return flask.render_template("review.html")

    @app.get("/state")
    def state():
        with lock:
            return review.state()

    @app.get("/members/<int:cluster>")
    def members(cluster):
        start = flask.request.args.get("start", 0, int)
        with lock:
            return review.members(cluster, start, start + MEMBERS_AT_ONCE)

    @app.post("/decisions")
    def decide():
        scope, key, decision = server.posted(
            scope=str, key=str, decision=(str, type(None))
        )
        values = [choice["value"] for choice in review.choices]
        if decision is not None and decision not in values:
            flask.abort(400, f"decision: expected {', '.join(values)} or null.")
        with lock:
            return review.decide(scope, key, decision)

    @app.get("/images/<int:number>.png")
    def image(number):
        return pictures.png_response(review.image(number))

    @app.get("/sheets/<int:number>.png", endpoint="sheet")
    @app.get("/reference.png", endpoint="reference")
    def sheet(number=None):
        if number not in review.sheets:
            flask.abort(404, "There is no such sheet.")
        return flask.send_file(review.sheets[number], "image/png", max_age=0)

    return app


def main(settings):
    show_review(**settings)
