"""Serves a local page until Ctrl+C."""

import contextlib
import signal
import socket
import traceback

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.serving import WSGIRequestHandler, make_server

from dataset.errors import UserError
from pages.safety import HOST, protect

MAX_REQUEST = 65536  # bytes; an answer has some hundred


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests: their addresses would put the token on the screen again."""

    def log_request(self, code="-", size="-"):
        pass


def create_app(package):
    """A Flask app with the shared look, whose errors are JSON `{"error": text}`.

    Args:
      package: name of the Python package with its `templates` and `static` folders.
        Templates extend `page.html`; the shared files are under `/pages/`.
    """
    app = flask.Flask(package)
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST
    shared = flask.Blueprint(
        "pages",
        __name__,
        static_folder="static",
        static_url_path="/pages",
        template_folder="templates",
    )
    app.register_blueprint(shared)

    @app.errorhandler(HTTPException)
    def refuse(error):
        return {"error": error.description}, error.code

    @app.errorhandler(UserError)
    def explain(error):
        return {"error": str(error)}, 500

    @app.errorhandler(Exception)
    def report(error):
        traceback.print_exception(error)
        return {"error": "A defect of the program; its terminal shows more."}, 500

    return app


def posted(**types):
    """The fields of the JSON object that the page sent.

    Args:
      **types: by name of the field, the type or types that its value must have.

    Returns:
      The values in this order. Anything else ends the request with status 400.
    """
    try:
        content = flask.request.get_json(silent=True)
    except RecursionError:  # Lists in lists, tens of thousands deep.
        content = None
    if not isinstance(content, dict) or content.keys() != types.keys():
        flask.abort(400, f"Expected a JSON object of {', '.join(types)}.")
    for name, expected in types.items():
        is_bool = isinstance(content[name], bool)  # In Python, a bool is an int too.
        if not isinstance(content[name], expected) or (
            is_bool and expected is not bool
        ):
            flask.abort(400, f"{name}: not of the expected type.")
    return [content[name] for name in types]


def serve(app, port, what):
    """Serves an app on this machine alone until Ctrl+C or SIGTERM.

    Args:
      app: from `create_app`.
      port: to listen on; 0 for any that is free.
      what: what to open it for, to print: "review 200 clusters".

    Raises:
      UserError: the port is taken or not allowed.
    """
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(
            f"--port={port}: {error.strerror}; give another, or 0 for any free one."
        ) from error
    with contextlib.closing(listener):
        server = make_server(
            HOST,
            port,
            app,
            threaded=True,
            request_handler=_QuietHandler,
            fd=listener.fileno(),
        )
        address = protect(app, listener.getsockname()[1])
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            print(f"Open this address to {what}:\n\n    {address}\n")
            print("It works on this computer alone. Ctrl+C ends.", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print()
        finally:
            signal.signal(signal.SIGTERM, before)
            server.server_close()
