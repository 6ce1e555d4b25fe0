"""Keeps a local page to the person who started it.

Patients' images are on these pages, and any website that is open in the same browser
can send requests to 127.0.0.1. So a request must

- carry the random token: in the printed address once, in a cookie from then on, which
  the browser gives to no other site (`SameSite=Strict`) and to no script (`HttpOnly`);
- name this machine in its Host header, which a name that is resolved to 127.0.0.1
  (DNS rebinding) does not;
- come from this page itself if the browser says where it comes from (Origin). One that
  changes anything must say so.

Answers allow nothing that is not served here, and are kept in no cache.
"""

import hmac
import secrets

import flask

HOST = "127.0.0.1"
TOKEN_BYTES = 32

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",  # No images of patients in the browser's files.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def protect(app, port, token=None):
    """Refuses every request to a Flask app but those of its own page.

    Args:
      app: the `flask.Flask`, before its first request.
      port: that it listens on.
      token: that requests must carry; a random one if None.

    Returns:
      The address to open, with the token.
    """
    token = token or secrets.token_urlsafe(TOKEN_BYTES)
    hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
    cookie = f"token-{port}"  # Cookies are shared by all ports: two pages, two names.

    @app.before_request
    def check():
        request = flask.request
        if request.headers.get("Host") not in hosts:
            flask.abort(403, "This page is at 127.0.0.1 only.")
        origin = request.headers.get("Origin")
        changes = request.method not in ("GET", "HEAD")
        if (origin or changes) and origin != f"http://{request.headers['Host']}":
            flask.abort(403, "Requests must come from the page itself.")
        if _same(request.args.get("token"), token) and not changes:
            # The address bar and the history keep the address without the token.
            response = flask.redirect("/", 303)
            response.set_cookie(cookie, token, httponly=True, samesite="Strict")
            return response
        if not _same(request.cookies.get(cookie), token):
            flask.abort(403, "Open the address that the program printed.")

    @app.after_request
    def add_headers(response):
        response.headers.update(_HEADERS)
        return response

    return f"http://{HOST}:{port}/?token={token}"


def _same(given, token):
    """Whether they are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest((given or "").encode(), token.encode())
