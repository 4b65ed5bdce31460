"""What a path sits on is read from the kernel's list of mounts."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.cli.filesystem import Mount, mount_of, mounts, parse, risk, writable

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
31 27 0:40 / /mnt/nas rw,relatime shared:2 master:1 - nfs4 nas:/x rw,vers=4.2
32 27 0:41 / /mnt/nas/fast rw - xfs /dev/vdb rw
33 27 0:42 / /media/with\040blank ro,nosuid - ext4 /dev/vdc rw
34 27 0:43 / /mnt/hidden rw - ext4 /dev/vdd rw
35 27 0:44 / /mnt/hidden rw - tmpfs tmpfs rw
36 27 0:45 / /data rw - ext4 /dev/vde ro
a line of another shape
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/app", "ext4"),
        ("/mnt/nas/logs", "nfs4"),
        ("/mnt/nas/fast/logs", "xfs"),
        ("/mnt/nasty", "ext4"),
        ("/mnt/hidden/x", "tmpfs"),
    ],
)
def test_the_nearest_mount_counts_and_the_last_one_on_a_point(path, kind):
    found = mount_of(Path(path), parse(TABLE))

    assert found is not None
    assert found.kind == kind


def test_blanks_in_mount_points_are_read():
    found = mount_of(Path("/media/with blank/x"), parse(TABLE))

    assert found == Mount(Path("/media/with blank"), "ext4", read_only=True)


def test_a_file_system_may_be_read_only_below_its_mount():
    found = mount_of(Path("/data/x"), parse(TABLE))

    assert found is not None
    assert found.read_only


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("tmpfs", "reboot"),
        ("overlay", "container"),
        ("nfs", "network"),
        ("nfs4", "network"),
        ("cifs", "network"),
        ("smb3", "network"),
        ("fuse.sshfs", "network"),
        ("9p", "network"),
    ],
)
def test_what_does_not_last_or_is_not_local_is_a_risk(kind, word):
    assert word in str(risk(Mount(Path("/"), kind, read_only=False)))


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "apfs", "fuseblk"])
def test_local_disks_are_none(kind):
    assert risk(Mount(Path("/"), kind, read_only=False)) is None


def test_without_mounts_nothing_is_known():
    assert mount_of(Path("/x"), ()) is None


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="this system has no /proc/self/mountinfo")
def test_the_running_system_says_what_the_root_is():
    assert mount_of(Path("/"), mounts()) is not None


@given(st.text())
def test_any_text_is_parsed_without_harm(text):
    assert all(isinstance(mount, Mount) for mount in parse(text))


def test_a_path_that_is_not_there_is_writable_where_its_directory_is(tmp_path):
    assert writable(tmp_path / "a" / "b")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_closed_directory_is_not_writable():
    """Asked by somebody who is not root: root may write anywhere."""
    with tempfile.TemporaryDirectory() as closed:
        Path(closed).chmod(0o555)
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setgid(65_534)
                os.setuid(65_534)
            os._exit(1 if writable(Path(closed) / "a") else 0)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
