"""Runs the binary of a local page, and a browser on it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREEN = {"width": 1280, "height": 800}


class Server:
    """A page's binary in a process of its own.

    Attributes:
      address: that it printed, with the token.
      port: of it.
    """

    def __init__(self, name, settings):
        flags = [f"--{key}={value}" for key, value in settings.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", name, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell's background job ignores Ctrl+C, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        printed = ""
        for line in self.process.stdout:
            printed += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=\S+", line):
                self.address, self.port = found[0], int(found[1])
                return
        raise AssertionError(f"{name} ended:\n{printed}")

    def stop(self, signal_number=signal.SIGINT):
        """Sends a signal; returns the exit code and what was printed since."""
        self.process.send_signal(signal_number)
        printed, _ = self.process.communicate(timeout=300)
        return self.process.returncode, printed


@contextlib.contextmanager
def serving(name, settings):
    """A `Server` that does not outlive the test."""
    server = Server(name, settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


@contextlib.contextmanager
def browsing(**options):
    """A new Chromium profile; where Chromium is missing, skips, or fails if CI is set.

    Args:
      **options: of Playwright's `new_context`.
    """
    if not CHROMIUM:
        reason = "Chromium is not installed (apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers do not give.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        context = browser.new_context(**{"viewport": SCREEN, **options})
        try:
            yield context
        finally:
            browser.close()


def listen(page):
    """Collects all that goes wrong in a page's console; returns the growing list."""
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: (
            faults.append(message.text)
            if message.type in ("error", "warning")
            else None
        ),
    )
    return faults


@contextlib.contextmanager
def held_back(page, pattern):
    """Keeps what a page posts from the server until it is released.

    Yields:
      A function that lets all of it go.
    """
    waiting = []

    def hold(route):
        if route.request.method == "POST":
            waiting.append(route)
        else:
            route.continue_()

    def release():
        while waiting:
            waiting.pop(0).continue_()

    page.route(pattern, hold)
    try:
        yield release
    finally:
        release()
        page.unroute(pattern)
