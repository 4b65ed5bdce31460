"""Calls through the real LiteLLM, whole and streamed, sync, async and through its router; prints what was answered.

python litellm_calls.py
"""

import asyncio
import json
import os
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched

import litellm

import provsdk
from provsdk import traced_model_call, traced_output

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))

from _extractive_server import running

PAGE = "We keep a parcel for ten days. Then it goes back to its sender."
PROMPT = f"[1] Parcels\n{PAGE}\n\nQuestion: How long is a parcel kept?"
ASKED = [{"role": "user", "content": PROMPT}]
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}

complete, acomplete = traced_model_call(litellm.completion), traced_model_call(litellm.acompletion)


@contextmanager
def refusing(url, times):
    """A server that is overloaded so many times before it sends whoever asks on to another."""
    left = [503] * times

    class Overloaded(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(left.pop() if left else 307)
            self.send_header("location", url + self.path.removeprefix("/v1"))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Overloaded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def said(chunk):
    return chunk.choices[0].delta.content or "" if chunk.choices else ""


@traced_output("whole")
def whole(**model):
    return complete(messages=ASKED, temperature=0, **model).choices[0].message.content


@traced_output("stream")
def stream(**model):
    return "".join(said(chunk) for chunk in complete(messages=ASKED, **STREAMED, **model))


@traced_output("astream")
async def astream(**model):
    return "".join([said(chunk) async for chunk in await acomplete(messages=ASKED, **STREAMED, **model)])


@traced_output("router")
async def routed(router):
    call = traced_model_call(router.acompletion)
    return "".join([said(chunk) async for chunk in await call(model="group", messages=ASKED, **STREAMED)])


@traced_output("retried")
def retried(router):
    return traced_model_call(router.completion)(model="group", messages=ASKED).choices[0].message.content


def routed_to(url, **settings):
    model = {"model": "openai/extractive-1", "api_base": url, "api_key": "none", "max_retries": 0}
    return litellm.Router(model_list=[{"model_name": "group", "litellm_params": model}], **settings)


async def main():
    provsdk.configure(service="litellm")
    with running() as url:
        model = {"model": "openai/extractive-1", "api_base": url, "api_key": "none"}
        answers = [whole(**model), stream(**model), await astream(**model), await routed(routed_to(url))]
        with refusing(url, times=2) as overloaded:
            answers.append(await asyncio.to_thread(retried, routed_to(overloaded, num_retries=3, retry_after=0)))
    await asyncio.to_thread(provsdk.shutdown)
    sys.stdout.write(json.dumps(answers))


asyncio.run(main())
