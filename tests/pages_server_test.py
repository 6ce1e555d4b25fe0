"""A local page answers its own user on this computer, and nobody else."""

import signal
import socket

import cv2
import numpy as np
import pytest
from local_page import serving

from dataset.errors import UserError
from pages import pictures, safety, server

TOKEN = "0123456789abcdef"
HOME = "http://127.0.0.1:5000"


@pytest.fixture
def client():
    """A Flask test client of a page at port 5000, not yet let in."""
    app = server.create_app("pages")

    @app.get("/")
    def page():
        return "patients"

    @app.post("/answers")
    def answer():
        number, name, flag = server.posted(number=int, name=str, flag=bool)
        return {"got": [number, name, flag]}

    @app.get("/full")
    def full():
        raise UserError("disk: full")

    @app.get("/defect")
    def defect():
        raise ZeroDivisionError("secret")

    assert safety.protect(app, 5000, TOKEN) == f"{HOME}/?token={TOKEN}"
    return app.test_client()


@pytest.fixture
def inside(client):
    """The same, let in."""
    client.get(f"/?token={TOKEN}", base_url=HOME)
    return client


def post(client, content, origin=HOME, **options):
    headers = {"Origin": origin} if origin else {}
    return client.post(
        "/answers", json=content, base_url=HOME, headers=headers, **options
    )


def test_token_is_needed_and_moves_from_the_address_into_a_cookie(client):
    assert client.get("/", base_url=HOME).status_code == 403
    assert client.get("/?token=wrong", base_url=HOME).status_code == 403
    assert client.get("/pages/page.js", base_url=HOME).status_code == 403
    assert client.get("/missing", base_url=HOME).status_code == 403
    response = client.get(f"/?token={TOKEN}", base_url=HOME)
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/", base_url=HOME).text == "patients"


def test_tokens_are_long_and_never_the_same():
    addresses = {safety.protect(server.create_app("pages"), 5000) for _ in range(20)}
    assert len(addresses) == 20
    assert min(map(len, addresses)) > len(f"{HOME}/?token=") + 40


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:5000", "127.0.0.1", "127.0.0.1:5001", "[::1]"],
)
def test_foreign_host_is_refused(inside, host):
    response = inside.get("/", base_url=HOME, headers={"Host": host})
    assert response.status_code == 403
    assert "patients" not in response.text


def test_name_of_this_computer_is_a_host(client):
    home = "http://localhost:5000"
    client.get(f"/?token={TOKEN}", base_url=home)
    assert client.get("/", base_url=home).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.example", "http://127.0.0.1:5001", HOME + ".evil"],
)
def test_foreign_origin_changes_nothing(inside, origin):
    response = post(inside, {"number": 1, "name": "", "flag": True}, origin)
    assert response.status_code == 403


def test_foreign_origin_reads_nothing(inside):
    response = inside.get("/", base_url=HOME, headers={"Origin": "http://evil.example"})
    assert response.status_code == 403


def test_token_in_the_address_does_not_let_a_request_change_anything(client):
    content = {"number": 1, "name": "", "flag": True}
    response = post(client, content, query_string={"token": TOKEN})
    assert response.status_code == 403


def test_every_answer_forbids_foreign_content_caches_and_frames(inside):
    for path in ("/", "/missing", "/pages/page.css", "/defect"):
        headers = inside.get(path, base_url=HOME).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/pages/../server.py",
        "/pages/..%2fserver.py",
        "/pages/%2e%2e/server.py",
        "/pages//etc/passwd",
        "/static/../../setup.py",
        "/../setup.py",
    ],
)
def test_files_beside_the_page_are_not_served(inside, path):
    response = inside.get(path, base_url=HOME)
    assert response.status_code in (308, 404)
    assert "import" not in response.text


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"number": 1},
        {"number": 1, "name": "a", "flag": True, "more": 1},
        {"number": True, "name": "a", "flag": True},
        {"number": 1.5, "name": "a", "flag": True},
        {"number": 1, "name": None, "flag": True},
        {"number": 1, "name": "a", "flag": 1},
    ],
)
def test_other_content_than_wanted_is_refused(inside, content):
    assert post(inside, content).status_code == 400


def test_wanted_content_arrives_and_too_much_does_not(inside):
    content = {"number": 1, "name": "<script>", "flag": False}
    assert post(inside, content).json == {"got": [1, "<script>", False]}
    content["name"] = "a" * server.MAX_REQUEST
    assert post(inside, content).status_code in (400, 413)


def test_errors_are_words_without_a_traceback(inside, capfd):
    response = inside.get("/full", base_url=HOME)
    assert (response.status_code, response.json) == (500, {"error": "disk: full"})
    response = inside.get("/defect", base_url=HOME)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret" in capfd.readouterr().err


def test_taken_port_is_named():
    with socket.create_server((safety.HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=f"--port={port}: Address already in use"):
            server.serve(server.create_app("pages"), port, "look")


def settings_of_test(write_images, folder):
    """Flags of a small `evaluation.turing_test`, the simplest page there is."""
    for source, size in (("real", 30), ("synthetic", 32)):
        for label, name in enumerate(("non_tumor", "tumor")):
            write_images(folder / source / name, label, size=size)
    return {
        "num_images": 1,
        "output_dir": folder / "test",
        **{
            f"{s}_dirs": f"{folder}/{s}/tumor,{folder}/{s}/non_tumor"
            for s in ("real", "synthetic")
        },
    }


def test_page_listens_on_this_computer_alone_and_ends_with_a_word(
    write_images, tmp_path
):
    settings = settings_of_test(write_images, tmp_path)
    with serving("evaluation.turing_test", settings) as page:
        socket.create_connection((safety.HOST, page.port)).close()
        # Whoever listens on all addresses of the computer listens on this one, too.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", page.port)).close()
        code, printed = page.stop(signal.SIGTERM)
    assert code == 0
    assert "the same command continues" in printed
    assert "Traceback" not in printed


def test_uncompressed_images_of_a_size_have_one_length():
    noise = np.random.default_rng(0).integers(0, 256, [33, 33], np.uint8)
    for image in (noise, np.zeros_like(noise)):
        content = pictures.png_response(image, compression=0).data
        assert len(content) == len(pictures.png_response(noise, compression=0).data)
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(decoded, image)
