"""Python imports this before a program that `provsdk trace` started: this directory is first on its path.

Where the place of this file was meant for another `sitecustomize`, that one is imported too.
"""

import os
import sys
from importlib import import_module


def _capture() -> None:
    try:
        from provsdk.pipeline import zero_code  # noqa: PLC0415 may not be there, see below
    except ImportError as error:
        # Some other Python than the one that `provsdk trace` ran in. The program itself must not begin unrecorded;
        # what it starts may be anything.
        if os.environ.get("_PROVSDK_FIRST_PROCESS") == str(os.getpid()):
            sys.stderr.write(f"provsdk trace: {sys.executable} has no provsdk: {error}\n")
            sys.stderr.flush()
            os._exit(3)
    else:
        zero_code.begin()


def _import_the_one_that_is_hidden() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 every Python that starts pays for pathlib
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]  # noqa: PTH100 as above
    ours = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")  # the next one on the path
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


_capture()
_import_the_one_that_is_hidden()
