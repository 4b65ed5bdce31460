"""Key files: made once, read strictly, and every refusal says what to do."""

import base64
import os
import stat
import subprocess
import sys

import pytest

from provsdk.errors import KeyUnusable, UsageError
from provsdk.ledger import keys

ORIGIN = "log.example/one"
SEED = bytes(range(32))


def put(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.chmod(mode)


def put_seed(directory, **kwargs):
    path = keys.log_key_path(directory, ORIGIN)
    put(path, b"provsdk-key/v1 ed25519-seed " + base64.b64encode(SEED) + b"\n", **kwargs)
    return path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_key_that_was_made_is_found_again(tmp_path):
    made = keys.log_key(tmp_path / "keys", ORIGIN, create=True)
    found = keys.log_key(tmp_path / "keys", ORIGIN, create=False)

    assert made.signer.vkey == found.signer.vkey
    assert made.seal_key == found.seal_key
    assert found.signer.name == ORIGIN


def test_two_logs_have_two_keys(tmp_path):
    one = keys.log_key(tmp_path, "log.example/one", create=True)
    two = keys.log_key(tmp_path, "log.example/two", create=True)

    assert one.signer.key.public != two.signer.key.public


def test_the_three_kinds_of_keys_stand_in_files_of_their_own(tmp_path):
    keys.log_key(tmp_path, ORIGIN, create=True)
    digest, content = keys.digest_key(tmp_path, create=True), keys.content_key(tmp_path, create=True)

    assert digest != content
    assert 32 == len(digest) == len(content)
    assert {"content.key", "digest.key", "logs"} == {path.name for path in tmp_path.iterdir()}


def test_nobody_else_can_read_what_was_made(tmp_path):
    keys.log_key(tmp_path / "keys", ORIGIN, create=True)

    assert 0o700 == mode_of(tmp_path / "keys") == mode_of(tmp_path / "keys" / "logs")
    assert mode_of(keys.log_key_path(tmp_path / "keys", ORIGIN)) == 0o600


def test_nothing_but_the_key_is_left_behind(tmp_path):
    keys.digest_key(tmp_path, create=True)

    assert names_in(tmp_path) == ["digest.key"]


def test_the_file_format_is_as_documented(tmp_path):
    put_seed(tmp_path)
    found = keys.log_key(tmp_path, ORIGIN, create=False)

    assert found.signer.key.public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"


def test_the_seal_key_is_not_the_seed_and_is_not_shown():
    derived = keys.seal_key(SEED)

    assert len(derived) == 32
    assert derived != SEED
    assert repr(derived) not in repr(keys.LogKey(keys.Ed25519Signer(ORIGIN, SEED), derived))


def test_a_missing_key_says_where_it_was_looked_for_and_makes_nothing(tmp_path):
    directory = tmp_path / "keys"

    with pytest.raises(KeyUnusable, match=r"signing key of the log 'log\.example/one' is missing") as caught:
        keys.log_key(directory, ORIGIN, create=False)

    assert str(keys.log_key_path(directory, ORIGIN)) in str(caught.value)
    assert not directory.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_may_use_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    path = put_seed(tmp_path, mode=mode)

    with pytest.raises(KeyUnusable, match=f"chmod 600 {path}"):
        keys.log_key(tmp_path, ORIGIN, create=True)


def test_a_key_that_is_only_readable_is_enough(tmp_path):
    put_seed(tmp_path, mode=0o400)

    assert keys.log_key(tmp_path, ORIGIN, create=False).signer


def test_a_directory_where_others_may_put_keys_is_refused_with_the_command_that_mends_it(tmp_path):
    tmp_path.chmod(0o770)

    with pytest.raises(KeyUnusable, match=f"chmod 700 {tmp_path}"):
        keys.digest_key(tmp_path, create=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "damaged or no key file"),
        (b"\x00" * 100, "damaged or no key file"),
        (b"-----BEGIN PRIVATE KEY-----\n", "damaged or no key file"),
        (b"provsdk-key/v2 hmac-sha256 " + base64.b64encode(SEED), "damaged or no key file"),
        (b"provsdk-key/v1 hmac-sha256 " + base64.b64encode(SEED) + b" more", "damaged or no key file"),
        (b"provsdk-key/v1 ed25519-seed " + base64.b64encode(SEED), "another type"),
        (b"provsdk-key/v1 hmac-sha256 " + base64.b64encode(SEED)[:-2], "not base64"),
        (b"provsdk-key/v1 hmac-sha256 \xff\xfe", "not base64"),
        (b"provsdk-key/v1 hmac-sha256 " + base64.b64encode(SEED[:16]), "has 16 bytes"),
        (b"provsdk-key/v1 hmac-sha256 " + base64.b64encode(SEED * 4000), "no"),
    ],
)
def test_a_damaged_key_is_refused_and_left_as_it_is(tmp_path, text, complaint):
    put(tmp_path / "digest.key", text)

    with pytest.raises(KeyUnusable, match=complaint) as caught:
        keys.digest_key(tmp_path, create=True)

    assert str(tmp_path / "digest.key") in str(caught.value)
    assert "Restore" in str(caught.value)
    assert text == (tmp_path / "digest.key").read_bytes()


def test_what_a_damaged_key_holds_is_not_in_the_message(tmp_path):
    secret = base64.b64encode(SEED[:31])
    put(tmp_path / "digest.key", b"provsdk-key/v1 hmac-sha256 " + secret)

    with pytest.raises(KeyUnusable) as caught:
        keys.digest_key(tmp_path, create=False)

    assert secret.decode() not in str(caught.value)


def test_a_directory_in_the_place_of_a_key_is_refused(tmp_path):
    (tmp_path / "digest.key").mkdir()

    with pytest.raises(KeyUnusable, match="no regular file"):
        keys.digest_key(tmp_path, create=True)


def test_a_pipe_in_the_place_of_a_key_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "digest.key", 0o600)

    with pytest.raises(KeyUnusable, match="no regular file"):
        keys.digest_key(tmp_path, create=True)


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "keys").write_text("")

    with pytest.raises(KeyUnusable, match=r"cannot be read: .*Not a directory"):
        keys.digest_key(tmp_path / "keys", create=True)


def test_a_directory_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(KeyUnusable, match="the digest key cannot be made: /proc/"):
        keys.digest_key(tmp_path.__class__("/proc/provsdk-keys"), create=True)


def test_an_origin_that_cannot_be_a_name_is_refused(tmp_path):
    with pytest.raises(UsageError, match="white space"):
        keys.log_key(tmp_path, "two words", create=False)


def test_processes_that_race_get_the_same_key(tmp_path):
    """All wait for one file to appear, then make the key at once."""
    program = (
        "import sys, time, pathlib\n"
        "from provsdk.ledger import keys\n"
        "at = pathlib.Path(sys.argv[1])\n"
        "(at / f'ready-{sys.argv[2]}').touch()\n"
        "while not (at / 'go').exists(): time.sleep(0.001)\n"
        "print(keys.digest_key(at / 'keys', create=True).hex())\n"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)], stdout=subprocess.PIPE)
        for number in range(6)
    ]
    while len(list(tmp_path.glob("ready-*"))) < len(racers):
        assert all(racer.poll() is None for racer in racers)
    (tmp_path / "go").touch()
    found = {racer.communicate(timeout=30)[0] for racer in racers}

    assert [0] * len(racers) == [racer.returncode for racer in racers]
    assert len(found) == 1
    assert names_in(tmp_path / "keys") == ["digest.key"]
