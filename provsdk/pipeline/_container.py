"""Which container image the process runs from, as far as its environment says; names of machines are none of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["container"]

IMAGE_NAME: Final = "container.image.name"
CONTAINER_ID: Final = "container.id"

_IMAGES: Final = ("CONTAINER_IMAGE", "DOCKER_IMAGE", "FLY_IMAGE_REF")
"""Variables that hold a reference of the image; Kubernetes and ECS have none of their own, a chart or task sets one."""

_PLATFORMS: Final = (
    ("K_SERVICE", "K_REVISION"),
    ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
    ("CONTAINER_APP_NAME", "CONTAINER_APP_REVISION"),
    ("GAE_SERVICE", "GAE_VERSION"),
)
"""Variables of Cloud Run, Lambda, Container Apps and App Engine: a revision there stands for one image."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,255}(?:@[a-z0-9.+_-]{1,32}:[0-9a-f]{32,128})?")
"""Of an at sign only what names a digest follows: what stands before another one may be a password."""
_WORD: Final = re.compile(r"[$A-Za-z0-9][$A-Za-z0-9._-]{0,127}")
_ID: Final = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?$", re.MULTILINE)

CGROUP: Final = Path("/proc/self/cgroup")
MAX_BYTES: Final = 65_536


def container(environ: Mapping[str, str], cgroup: Path = CGROUP) -> dict[str, str]:
    """The image, the platform's revision and the container's id, each where it is known.

    Args:
        environ: environment variables.
        cgroup: the file in which Linux names the groups of this process; where the container has a view of its own of
            them, it does not hold the container's id.
    """
    found: dict[str, str] = {}
    for name in _IMAGES:
        image = environ.get(name, "")
        if _REFERENCE.fullmatch(image) and "://" not in image:
            found[IMAGE_NAME] = image
            break
    for name, version in _PLATFORMS:
        if _WORD.fullmatch(environ.get(name, "")) and _WORD.fullmatch(environ.get(version, "")):
            found |= {"faas.name": environ[name], "faas.version": environ[version]}
            break
    identity = _container_id(cgroup)
    if identity is not None:
        found[CONTAINER_ID] = identity
    return found


def _container_id(cgroup: Path) -> str | None:
    try:
        with cgroup.open(encoding="ascii", errors="replace") as file:
            found = _ID.search(file.read(MAX_BYTES))
    except OSError:
        return None
    return None if found is None else found[1]
