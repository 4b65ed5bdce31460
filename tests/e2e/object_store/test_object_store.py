"""Sources in a store that speaks the protocol of S3, moto's server, are fetched again and told what became of them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output, traced_source

boto3 = pytest.importorskip("boto3", reason="objects of S3 are an extra: pip install 'provsdk[s3]'")

PACKAGES = Path(__file__).with_name("requirements.txt")
START_S = 30.0
BUCKET = "desk"
FILES = {"handbook.txt": b"Ten days.\n", "prices.csv": b"parcel,4\n", "old/terms.txt": b"As of 1998.\n"}


@pytest.fixture
def endpoint(python_with, tmp_path):
    """The URL of an empty object store, in a process of its own."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python_with(PACKAGES), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (tmp_path / "moto.log").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            wait_until_it_answers(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_it_answers(port, process):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the object store ended"
        with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)
    raise AssertionError("the object store does not answer")


@pytest.fixture
def environment(endpoint, monkeypatch, tmp_path):
    """What programs of ours find in the environment: the store's address and a key, and nothing of the tester's own."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def client(environment):
    """A client of the store, which has the files."""
    client = boto3.session.Session().client("s3")
    client.create_bucket(Bucket=BUCKET)
    for key, content in FILES.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
    return client


@pytest.fixture
def resting(client):
    """Seals the record of an output that rests on objects, each named by its key and maybe a version of it."""

    @traced_source(type="file", name=lambda key, **_: key, location=lambda key, version=None: location_of(key, version))
    def load(key, version=None):
        wanted = {"VersionId": version} if version else {}
        return client.get_object(Bucket=BUCKET, Key=key, **wanted)["Body"].read()

    @traced_output("answer")
    def answer(keys):
        return b"".join(load(*key) if isinstance(key, tuple) else load(key) for key in keys)

    def resting(*keys):
        provsdk.configure(service="desk")
        answer(keys)
        provsdk.shutdown()

    return resting


def location_of(key, version):
    return f"s3://{BUCKET}/{key}" + (f"?versionId={version}" if version else "")


def verified(code):
    """What `provsdk sources --verify` says of each source: its result and why."""
    command = [Path(sys.executable).with_name("provsdk"), "sources", "@latest", "--verify", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return {one["name"]: (one["check"]["result"], one["check"]["why"]) for one in json.loads(done.stdout)}


def only_who_may(endpoint):
    """From here on the store asks who is asking, and what he may."""
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def test_an_object_that_is_as_it_was_is_verified(resting):
    resting("handbook.txt", "old/terms.txt")

    assert verified(0) == dict.fromkeys(("handbook.txt", "old/terms.txt"), ("verified", "the same bytes"))


def test_an_object_that_was_changed_and_one_that_was_deleted_are_findings(resting, client):
    resting(*FILES)
    client.put_object(Bucket=BUCKET, Key="prices.csv", Body=b"parcel,5\n")
    client.delete_object(Bucket=BUCKET, Key="old/terms.txt")

    found = verified(1)

    assert {name: result for name, (result, _) in found.items()} == {
        "handbook.txt": "verified",
        "prices.csv": "changed",
        "old/terms.txt": "gone",
    }
    assert "NoSuchKey" in found["old/terms.txt"][1]


def test_objects_of_a_bucket_that_is_gone_are_gone(resting, client):
    resting("handbook.txt")
    for key in FILES:
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)

    ((result, why),) = verified(1).values()

    assert result == "gone"
    assert "NoSuchBucket" in why


def test_a_version_stays_what_it_was_when_the_object_is_changed_and_is_gone_with_its_deletion(resting, client):
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = client.put_object(Bucket=BUCKET, Key="prices.csv", Body=b"parcel,6\n")["VersionId"]
    resting(("prices.csv", version))
    client.put_object(Bucket=BUCKET, Key="prices.csv", Body=b"parcel,7\n")

    assert verified(0)["prices.csv"][0] == "verified"
    client.delete_object(Bucket=BUCKET, Key="prices.csv", VersionId=version)
    assert verified(1)["prices.csv"][0] == "gone"


def test_without_the_right_to_read_it_is_not_known_and_no_finding(resting, environment, endpoint, monkeypatch):
    resting("handbook.txt")
    iam = boto3.session.Session().client("iam")
    iam.create_user(UserName="guest")
    key = iam.create_access_key(UserName="guest")["AccessKey"]
    only_who_may(endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    assert verified(0)["handbook.txt"] == ("unknown", "the store refuses: AccessDenied")


def test_a_key_that_the_store_does_not_know_is_told(resting, endpoint, monkeypatch):
    resting("handbook.txt")
    only_who_may(endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")

    assert verified(0)["handbook.txt"] == ("unknown", "the store refuses: InvalidAccessKeyId")


def test_a_store_that_is_not_there_is_not_known(resting, monkeypatch):
    resting("handbook.txt")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    assert verified(0)["handbook.txt"] == ("unknown", "cannot be reached: EndpointConnectionError")
