"""What a path sits on: whether it lasts, whether it is local, whether it can be written."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Mount", "mount_of", "mounts", "parse", "risk", "writable"]

MOUNTINFO: Final = Path("/proc/self/mountinfo")

_EPHEMERAL: Final = {
    "tmpfs": "memory: gone with a reboot",
    "ramfs": "memory: gone with a reboot",
    "devtmpfs": "memory: gone with a reboot",
    "overlay": "a container's own layer: gone with the container",
    "overlayfs": "a container's own layer: gone with the container",
    "aufs": "a container's own layer: gone with the container",
}
_NETWORK: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "davfs", "fuse"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "ocfs2", "gfs2"),
        *("9p", "virtiofs", "vboxsf", "prl_fs"),  # folders shared with the host of a virtual machine
    )
)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system."""

    point: Path
    kind: str
    """Its type, as the kernel names it: `ext4`, `nfs4`, `fuse.sshfs`."""
    read_only: bool


def parse(text: str) -> tuple[Mount, ...]:
    """The mounts of a `mountinfo` file (proc_pid_mountinfo(5)), in its order. Lines of another shape are skipped."""
    found = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, details = before.split(" "), after.split(" ")
        if separator and len(fields) >= 6 and len(details) >= 3:
            options = {*fields[5].split(","), *details[2].split(",")}
            found.append(Mount(Path(_unescaped(fields[4])), details[0], "ro" in options))
    return tuple(found)


def _unescaped(text: str) -> str:
    """Blanks, line ends and backslashes stand there as three octal digits, byte by byte."""
    raw = _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
    return raw.encode("latin-1", "ignore").decode("utf-8", "replace") if raw != text else text


def mounts() -> tuple[Mount, ...]:
    """What is mounted for this process; empty where the system does not say (it is not Linux)."""
    try:
        return parse(MOUNTINFO.read_text(errors="replace"))
    except OSError:
        return ()


def mount_of(path: Path, mounted: tuple[Mount, ...]) -> Mount | None:
    """The mount that *path* sits on, or would sit on. Of several on one point, the last hides the others."""
    real = Path(os.path.realpath(path))
    best = None
    for mount in mounted:
        if real.is_relative_to(mount.point) and (best is None or len(mount.point.parts) >= len(best.point.parts)):
            best = mount
    return best


def risk(mount: Mount) -> str | None:
    """Why a log should not live there; None where nothing speaks against it."""
    if mount.kind in _EPHEMERAL:
        return f"{mount.kind}, {_EPHEMERAL[mount.kind]}"
    if mount.kind in _NETWORK or mount.kind.startswith("fuse."):
        return f"{mount.kind}, a network or shared file system: SQLite's locks and flushes cannot be relied on there"
    return None


def writable(path: Path) -> bool:
    """Whether this process may write *path*, or make it in the nearest directory that exists."""
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return os.access(nearest, os.W_OK)
