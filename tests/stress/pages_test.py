"""The local pages under load: what was confirmed is on disk, the rest is refused.

STRESS_CLIENTS (50) readers and reviewers at once, slow ones among them, and a server
that is killed while they work; then what no page sends.
"""

import concurrent.futures
import http.client
import json
import os
import random
import signal
import socket
import time

import pytest
from local_page import serving

pytestmark = pytest.mark.stress

CLIENTS = int(os.environ.get("STRESS_CLIENTS", 50))
KILLS = int(os.environ.get("STRESS_KILLS", 20))
SEED = os.environ["TEST_SEED"]
PER_CLASS = 3


@pytest.fixture(scope="module")
def settings(tmp_path_factory, write_images):
    folder = tmp_path_factory.mktemp("turing")
    flags = {}
    for source in ("real", "synthetic"):
        own = [
            write_images(folder / f"{source}{n}", n, (source, "b"), images=4)
            for n in (0, 1)
        ]
        flags[f"{source}_dirs"] = ",".join(s.directory for s in own)
    return {**flags, "num_images": PER_CLASS}


class Client:
    """One that has the address with the token, and its cookie."""

    def __init__(self, server):
        self.port = server.port
        status, headers, _ = self.ask(
            "GET", server.address.partition(str(self.port))[2]
        )
        assert status == 303
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def ask(self, method, path, content=None, **headers):
        """Status, headers and body of the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        host = f"127.0.0.1:{self.port}"
        own = {"Host": host, "Cookie": getattr(self, "cookie", "")}
        if content is not None:
            own |= {"Origin": f"http://{host}", "Content-Type": "application/json"}
            content = content if isinstance(content, bytes) else json.dumps(content)
        try:
            connection.request(method, path, content, {**own, **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def answer(self, reader, position, real):
        content = {"reader": reader, "position": position, "real": real}
        content |= {"tumor": not real, "seconds": 1.0}
        return self.ask("POST", "/answers", content)[0] == 200


def answer_all(server, reader):
    """What a reader was told to be stored, {position: real}, until the page is gone."""
    draw, stored = random.Random(f"{SEED} {reader}"), {}
    try:
        client = Client(server)
        for position in range(4 * PER_CLASS):
            real = draw.random() < 0.5
            if client.answer(reader, position, real):
                stored[position] = real
    except (OSError, http.client.HTTPException):
        pass
    return stored


def on_disk(folder):
    """{reader: number of images answered}, and the lines of the journal."""
    lines = (folder / "answers.jsonl").read_text().split("\n")[:-1]
    entries = [json.loads(line) for line in lines]
    images = {}
    for entry in entries:
        images.setdefault(entry["reader"], set()).add(entry["image"])
    return {reader: len(own) for reader, own in images.items()}, entries


def answer_at_once(server):
    names = [f"reader {n}" for n in range(CLIENTS)]
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        stored = list(pool.map(lambda name: answer_all(server, name), names))
    return dict(zip(names, stored))


def test_many_readers_at_once_lose_nothing(settings, tmp_path):
    flags = {**settings, "output_dir": tmp_path / "test"}
    with serving("evaluation.turing_test", flags) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        for number, connection in enumerate(idle):  # Slow ones: half of a request.
            connection.sendall(
                b"POST /answers HTTP/1.1\r\nContent-Length: 99\r\n"[number:]
            )
        stored = answer_at_once(server)
        for connection in idle:
            connection.close()
        code, printed = server.stop()
    assert code == 0, printed
    assert all(len(own) == 4 * PER_CLASS for own in stored.values())
    found, entries = on_disk(tmp_path / "test")
    assert found == dict.fromkeys(stored, 4 * PER_CLASS)
    assert len(entries) == CLIENTS * 4 * PER_CLASS


def test_answers_that_were_confirmed_survive_a_kill(settings, tmp_path):
    draw = random.Random(f"{SEED} kills")
    for number in range(KILLS):
        flags = {**settings, "output_dir": tmp_path / f"test{number}"}
        with serving("evaluation.turing_test", flags) as server:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                answering = pool.submit(answer_at_once, server)
                time.sleep(draw.uniform(0, 2))
                os.kill(server.process.pid, signal.SIGKILL)
                stored = answering.result()
        journal = tmp_path / f"test{number}" / "answers.jsonl"
        found = on_disk(journal.parent)[0] if journal.exists() else {}
        for reader, own in stored.items():
            assert found.get(reader, 0) >= len(own), f"TEST_SEED={SEED}, kill {number}"


def test_what_no_page_sends_is_refused(settings, tmp_path):
    flags = {**settings, "output_dir": tmp_path / "test"}
    outside = ["/../../etc/passwd", "/static/../page.py", "/static/%2e%2e/page.py"]
    outside += ["/pages/..%2fserver.py", "//etc/passwd", "/images/-1.png?reader=a"]
    outside += [
        "/images/999.png?reader=a",
        "/static/%00",
        "/images/1e3.png",
        "/a" * 4000,
    ]
    with serving("evaluation.turing_test", flags) as server:
        client = Client(server)
        for path in outside:
            assert client.ask("GET", path)[0] in (400, 404, 414), path
        for cookie in ("", "token=x", client.cookie[:-1], client.cookie + "x"):
            assert client.ask("GET", "/readers", Cookie=cookie)[0] == 403
        large = b'{"reader": "' + b"a" * 2_000_000 + b'"}'
        try:
            assert client.ask("POST", "/answers", large)[0] == 413
        except OSError:
            pass  # It hung up before all was sent.
        for wrong in (b"", b"{", b"[]", b"\xff", b"[" * 60_000, b'{"position": NaN}'):
            assert client.ask("POST", "/answers", wrong)[0] == 400, wrong[:20]
        assert client.answer("a", 0, True)  # It is still at work.
        assert server.stop()[0] == 0
    assert len(on_disk(tmp_path / "test")[1]) == 1
