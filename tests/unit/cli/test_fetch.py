"""Sources are fetched again from files, a real HTTP server, and one that speaks S3; within bounds, carefully."""

import contextlib
import hashlib
import io
import os
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provsdk.cli.fetch import Cannot, Gone, connections, fetch
from provsdk.cli.fetch import file as file_module
from provsdk.cli.fetch import http as http_module
from provsdk.cli.fetch.reading import digested

TEXT = b"Ten days.\n"
DATE = "Tue, 24 Nov 2026 02:13:25 GMT"


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def at(build):
    """What is found at a location."""

    def at(location, type_="file"):
        return fetch(build.source(1, location=location, type=type_))

    return at


# Reading.


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("data", [b"a\r\nb\rc\n\r", b"\xef\xbb\xbfa\r\n", b"", b"\r", b"\xef\xbb", b"plain"])
def test_text_is_digested_as_python_reads_it_however_it_is_cut(data, size):
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    found = digested(chunks, max_bytes=1000, seconds=60)
    assert found.digests["sha256"] == sha(data)
    text = data.decode("utf-8-sig", "surrogateescape")
    read = io.StringIO(text, newline=None).read().encode("utf-8", "surrogateescape")
    assert found.as_text == sha(read)


def test_more_than_the_bound_is_not_read():
    with pytest.raises(Cannot, match="larger than 0 MiB"):
        digested([b"a" * 10] * 3, max_bytes=25, seconds=60)


def test_what_comes_too_slowly_is_given_up():
    with pytest.raises(Cannot, match="not read within"):
        digested([b"a"], max_bytes=25, seconds=-1)


# Files.


@pytest.fixture
def handbook(tmp_path):
    path = tmp_path / "hand book.txt"
    path.write_bytes(TEXT)
    return path


def test_a_path_is_read(at, handbook):
    os.utime(handbook, (1_000_000, 1_000_000))
    found = at(str(handbook))
    assert found.digests["sha256"] == sha(TEXT)
    assert found.modified_at == datetime.fromtimestamp(1_000_000, UTC)


def test_a_file_url_is_read(at, handbook):
    assert at(handbook.as_uri()).digests["sha256"] == sha(TEXT)


def test_a_relative_path_is_read_from_here_and_never_called_gone(at, handbook, monkeypatch):
    monkeypatch.chdir(handbook.parent)
    assert at(handbook.name).digests["sha256"] == sha(TEXT)
    with pytest.raises(Cannot, match="a relative path"):
        at("no such file")


def test_a_file_that_is_not_there_any_more_is_gone(at, handbook):
    handbook.unlink()
    with pytest.raises(Gone, match="no such file"):
        at(str(handbook))


def test_a_pipe_or_a_directory_is_not_read(at, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(Cannot, match="no regular file"):
            at(str(path))


def test_a_file_that_has_its_reader_wait_is_not_waited_for(at, tmp_path, monkeypatch):
    """As some of /proc do, which say that they are regular files; a pipe stands for them."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(file_module.stat, "S_ISREG", lambda _mode: True)
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        with pytest.raises(Cannot, match="cannot be read"):
            at(str(tmp_path / "pipe"))
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    ("location", "type_", "why"),
    [
        (None, "user_input", "its location is not known"),
        ("postgres://db/orders", "database", "nothing here fetches postgres: again"),
        ("orders", "database", "no path and no URL"),
        ("file://another/share/x", "file", "a file of another machine"),
        ("https://example.org/a?sig=…", "api", "recorded without the secrets"),
        ("\0", "file", "cannot be read"),
        ("http://[::1", "api", "no URL that can be read"),
        ("s3://[", "file", "no URL that can be read"),
    ],
)
def test_what_cannot_be_fetched_says_why(at, location, type_, why):
    with pytest.raises(Cannot, match=why):
        at(location, type_)


# HTTP.


class Server(ThreadingHTTPServer):
    """Answers as `answers` says: path → (status, headers, body); keeps what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.asked = []
        self.dripping = ""
        """`head` or `body`: where an answer goes on with a byte now and then, and never ends."""
        self.silent = threading.Event()
        """While it is not set, an answer never ends."""
        self.silent.set()
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        if self.server.dripping:
            self.drip()
            return
        status, headers, body = self.server.answers.get(self.path.partition("?")[0], (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            self.wfile.flush()
        self.server.silent.wait()

    def drip(self):
        begin = b"HTTP/1.1 200 OK\r\n" + {"head": b"X-Slow: ", "body": b"\r\n"}[self.server.dripping]
        with contextlib.suppress(OSError):
            self.wfile.write(begin)
            while not self.server.ended.wait(0.02):
                self.wfile.write(b"a")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.silent.set()
    running.ended.set()
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_url_is_fetched_with_its_date_and_etag(at, server):
    server.answers["/a"] = (200, {"ETag": '"v1"', "Last-Modified": DATE}, TEXT)
    found = at(f"{server.url}/a", "api")
    assert found.digests["sha256"] == sha(TEXT)
    assert (found.etag, found.modified_at) == ('"v1"', datetime(2026, 11, 24, 2, 13, 25, tzinfo=UTC))


def test_no_credentials_are_sent(at, server, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ana password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server.answers["/a"] = (200, {"Set-Cookie": "session=secret"}, TEXT)
    for _ in range(2):
        at(server.url.replace("//", "//ana:secret@") + "/a#part", "api")
    for path, headers in server.asked:
        assert path == "/a"
        assert set(headers) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
        assert "secret" not in str(headers)


@pytest.mark.parametrize("status", [404, 410])
def test_what_the_server_has_no_more_is_gone(at, server, status):
    server.answers["/a"] = (status, {}, b"")
    with pytest.raises(Gone, match=str(status)):
        at(f"{server.url}/a", "api")


@pytest.mark.parametrize(
    ("status", "why"), [(401, "wants credentials"), (403, "wants credentials"), (500, "answers 500")]
)
def test_what_the_server_does_not_give_is_not_known(at, server, status, why):
    server.answers["/a"] = (status, {"WWW-Authenticate": "Basic"}, b"")
    with pytest.raises(Cannot, match=why):
        at(f"{server.url}/a", "api")


def test_a_redirect_is_followed(at, server):
    server.answers["/a"] = (302, {"Location": "/b"}, b"")
    server.answers["/b"] = (200, {}, TEXT)
    assert at(f"{server.url}/a", "api").digests["sha256"] == sha(TEXT)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x"])
def test_a_redirect_to_another_scheme_is_not_followed(at, server, target):
    server.answers["/a"] = (302, {"Location": target}, b"")
    with pytest.raises(Cannot):
        at(f"{server.url}/a", "api")


def test_a_redirect_from_https_to_http_is_not_followed():
    request = http_module.request.Request("https://example.org/a")
    with pytest.raises(Cannot, match="from https: to http:"):
        http_module._Redirects().redirect_request(request, io.BytesIO(), 302, "", {}, "http://example.org/a")


def test_a_redirect_without_an_end_is_given_up(at, server):
    server.answers["/a"] = (302, {"Location": "/a?again"}, b"")
    with pytest.raises(Cannot):
        at(f"{server.url}/a", "api")
    assert len(server.asked) <= http_module.MAX_REDIRECTS + 1


@pytest.mark.parametrize("status", [202, 204, 206])
def test_an_answer_that_is_not_the_content_is_not_compared(at, server, status):
    server.answers["/a"] = (status, {}, b"" if status == 204 else TEXT)
    with pytest.raises(Cannot, match=f"answers {status}"):
        at(f"{server.url}/a", "api")


def test_an_answer_in_another_form_is_not_compared(at, server):
    server.answers["/a"] = (200, {"Content-Encoding": "gzip"}, TEXT)
    with pytest.raises(Cannot, match="compressed"):
        at(f"{server.url}/a", "api")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
    ],
)
def test_where_clouds_hand_out_credentials_is_not_fetched(at, url, monkeypatch):
    monkeypatch.setattr(http_module, "_opener", lambda _deadline: pytest.fail("opened"))
    with pytest.raises(Cannot, match="link-local"):
        at(url, "api")


def test_a_redirect_to_such_an_address_is_not_followed(at, server):
    server.answers["/a"] = (302, {"Location": "http://169.254.169.254/"}, b"")
    with pytest.raises(Cannot, match="link-local"):
        at(f"{server.url}/a", "api")


def test_nor_is_one_that_a_name_comes_to_mean_after_it_was_looked_up(at, server, monkeypatch):
    monkeypatch.setattr(connections, "is_link_local", lambda address: address == "127.0.0.1")
    server.answers["/a"] = (200, {}, TEXT)
    with pytest.raises(Cannot, match="link-local"):
        at(f"{server.url}/a", "api")
    assert not server.asked


def test_a_body_beyond_the_bound_is_not_read(at, server, monkeypatch):
    monkeypatch.setattr(http_module, "MAX_BYTES", 5)
    server.answers["/a"] = (200, {}, TEXT)
    with pytest.raises(Cannot, match="larger than"):
        at(f"{server.url}/a", "api")


def test_a_server_that_says_nothing_is_given_up(at, server, monkeypatch):
    monkeypatch.setattr(http_module, "SILENCE_S", 0.05)
    server.answers["/a"] = (200, {"Content-Length": "1000"}, TEXT)
    server.silent.clear()
    with pytest.raises(Cannot, match="cannot be reached"):
        at(f"{server.url}/a", "api")


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_server_that_says_a_little_now_and_then_for_ever_is_given_up(at, server, monkeypatch, where):
    monkeypatch.setattr(http_module, "SECONDS", 0.2)
    server.dripping = where
    with pytest.raises(Cannot, match="not read within"):
        at(f"{server.url}/a", "api")


def test_an_answer_that_was_cut_short_is_not_compared(at, server):
    server.answers["/a"] = (200, {"Content-Length": "1000"}, TEXT)
    with pytest.raises(Cannot, match="cut short"):
        at(f"{server.url}/a", "api")


def test_a_server_that_is_not_there_is_not_known(at, server):
    url = server.url
    with contextlib.closing(ThreadingHTTPServer(("127.0.0.1", 0), Handler).socket) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(Cannot, match="cannot be reached"):
        at(url, "api")


# S3.


@pytest.fixture
def bucket(server, monkeypatch, tmp_path):
    """boto3 pointed at the server: enough of S3 is a GET of `/<bucket>/<key>`."""
    pytest.importorskip("boto3")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return server


def missing(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()


def test_an_object_is_fetched_with_its_date_and_etag(at, bucket):
    bucket.answers["/desk/docs/handbook.txt"] = (200, {"ETag": '"v1"', "Last-Modified": DATE}, TEXT)
    found = at("s3://desk/docs/handbook.txt")
    assert found.digests["sha256"] == sha(TEXT)
    assert (found.etag, found.modified_at) == ('"v1"', datetime(2026, 11, 24, 2, 13, 25, tzinfo=UTC))


def test_a_version_is_asked_for(at, bucket):
    bucket.answers["/desk/a"] = (200, {}, TEXT)
    at("s3://desk/a?versionId=v7")
    assert "versionId=v7" in bucket.asked[-1][0]


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_an_object_that_is_not_there_any_more_is_gone(at, bucket, code):
    bucket.answers["/desk/a"] = (404, {"Content-Type": "application/xml"}, missing(code))
    with pytest.raises(Gone, match=code):
        at("s3://desk/a")


def test_an_object_that_is_refused_is_not_known(at, bucket):
    bucket.answers["/desk/a"] = (403, {"Content-Type": "application/xml"}, missing("AccessDenied"))
    with pytest.raises(Cannot, match="the store refuses: AccessDenied"):
        at("s3://desk/a")


def test_without_anything_to_sign_with_it_is_not_known(at, bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Cannot, match="NoCredentialsError"):
        at("s3://desk/a")


def test_without_boto3_it_says_what_to_install(at, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(Cannot, match=r'pip install "provsdk\[s3\]"'):
        at("s3://desk/a")
