"""The page on which a person decides about clusters of images, or about slices."""

import threading

import flask

from pages import pictures, server

MEMBERS_AT_ONCE = 240


def create_page(review):
    """The Flask app of a review.

    Args:
      review: a `ClusterReview` or a `SliceReview`.
    """
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
            flask.abort(400, f"decision: wanted {', '.join(values)} or null.")
        with lock:
            try:
                return review.decide(scope, key, decision)
            except KeyError:
                flask.abort(404, f"There is no such {scope}.")

    @app.get("/images/<int:number>.png")
    def image(number):
        try:
            return pictures.png_response(review.image(number))
        except IndexError:
            flask.abort(404, "There is no such image.")

    @app.get("/sheets/<int:number>.png")
    def sheet(number):
        try:
            return flask.send_file(review.sheet(number), "image/png", max_age=0)
        except IndexError:
            flask.abort(404, "There is no such sheet.")

    @app.get("/reference.png")
    def reference():
        if not review.reference:
            flask.abort(404, "The clusters have no reference.")
        return flask.send_file(review.reference, "image/png", max_age=0)

    return app
