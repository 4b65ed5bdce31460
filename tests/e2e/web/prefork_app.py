"""A WSGI service that gunicorn imports before it forks, run by `test_prefork.py`; it makes an output at once.

So store and key store are open when a worker is forked. Each answer says what of it the worker inherited.
"""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import provsdk
from provsdk import traced_output

OURS = tuple(os.environ[f"PROVSDK_{name}"] + os.sep for name in ("STORE", "KEYS", "STATE"))


@traced_output("warm-up", classification="confidential")
def warm_up():
    return "what the service says before it is asked"


@traced_output("answer", classification="confidential")
def answer(question):
    if question == "death":
        os.kill(os.getpid(), signal.SIGKILL)
    return f"nobody knows what {question} is, but we wrote it down"


def open_files():
    """Files of provsdk that this process has descriptors of."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists the directory is gone by now
            found.append(str(link.readlink()))
    return [target for target in found if target.startswith(OURS)]


inherited = []


def post_fork(_server, _worker):
    """Gunicorn calls this in each worker, first of all."""
    inherited[:] = open_files()


def app(environ, start_response):
    """Answers a question; of death it dies."""
    question = parse_qs(environ["QUERY_STRING"])["question"][0]
    said = {"worker": os.getpid(), "answer": answer(question), "parent_had": parent_had, "inherited": inherited}
    body = json.dumps(said).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


provsdk.configure(capture_content="full")
warm_up()
parent_had = open_files()
