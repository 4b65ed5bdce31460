"""Asks three questions about the packages that are installed here, and shows where each answer came from.

Everything is real: the documents were written by other people and came with their packages, the index is SQLite's, the
client is `openai`. Name a model of yours with OPENAI_BASE_URL (and OPENAI_API_KEY, OPENAI_MODEL); without one, a small
server on 127.0.0.1 answers with sentences of the passages it is sent.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

from _extractive_server import MODEL, running
from _installed_docs import Index, Passage, installed_documents
from openai import DefaultHttpxClient, OpenAI, OpenAIError

import provsdk
from provsdk import traced_check, traced_model_call, traced_output, traced_source
from provsdk.errors import StoreRolledBack

QUESTIONS = (
    "How do wrapt decorators preserve the signature of a function?",
    "Which high-level recipes and low-level interfaces does cryptography offer?",
    "What does the Apache License say about patent litigation?",
)
LEAST_DOCUMENTS = 20


class Assistant:
    """Answers questions from passages that it finds."""

    def __init__(self, index: Index, client: OpenAI, model: str) -> None:
        self.index = index
        self.client = client
        self.model = model

    @traced_output("ask-the-docs", version="1", purpose="demonstration")
    def answer(self, question: str) -> str:
        """The one decorator that makes a record; the others say what it is made of."""
        provsdk.declare_source(question, name="question", type="user_input")
        passages = self.search(question)
        answer = self.complete(prompt_for(question, passages))
        cites_a_passage(answer, passages)
        return answer

    @traced_source(
        type="file",
        each=True,
        name=lambda item: f"{item.title}, passage {item.number}",
        version=lambda item: item.version,
        location=lambda item: item.path.as_posix(),
        modified_at=lambda item: item.modified_at,
    )
    def search(self, question: str, limit: int = 4) -> list[Passage]:
        """The passages that fit best."""
        return self.index.search(question, limit)

    def complete(self, prompt: str) -> str:
        """Streams the model's answer."""
        with traced_model_call("chat", provider="openai", model=self.model, parameters={"temperature": 0}) as call:
            call.use(prompt)
            chunks = self.client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=0,
                stream=True,
                stream_options={"include_usage": True},
            )
            text = ""
            for chunk in chunks:
                call.set(response_model=chunk.model, response_id=chunk.id)
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    call.set(finish_reasons=[choice.finish_reason] if choice.finish_reason else None)
                if chunk.usage is not None:
                    call.set(input_tokens=chunk.usage.prompt_tokens, output_tokens=chunk.usage.completion_tokens)
            return call.set_result(text)


def prompt_for(question: str, passages: list[Passage]) -> str:
    """An f-string, as people write them: what stands in it is found there, so nothing has to be traced."""
    numbered = "\n\n".join(f"[{n}] {one.title}\n{one.text}" for n, one in enumerate(passages, 1))
    return (
        "Answer in at most two sentences, from these passages only, and name the passage of each as [1].\n\n"
        f"{numbered}\n\nQuestion: {question}"
    )


@traced_check("cites-a-passage", type="policy_compliance", version="1")
def cites_a_passage(answer: str, passages: list[Passage]) -> tuple[bool, list[str]]:
    """A verdict and its reasons; it is recorded, and withholds nothing."""
    cited = any(f"[{n}]" in answer for n in range(1, len(passages) + 1))
    return cited, [] if cited else ["no passage is named"]


def main() -> int:
    """Asks, prints each answer and its record, and says how to look further; the exit code."""
    documents = installed_documents()
    index = Index(documents)
    print(f"{len(documents)} documents of the packages installed here, {len(index):,} passages.")
    if len(documents) < LEAST_DOCUMENTS:
        print(f"Too few to ask about: install provsdk[demo], which brings {LEAST_DOCUMENTS} and more.", file=sys.stderr)
        return 1
    store = configure()
    with ExitStack() as stack:
        client, model = connect(stack)
        assistant = Assistant(index, client, model)
        for question in QUESTIONS:
            print(f"\n{'=' * 78}\n{question}\n\n{textwrap.fill(assistant.answer(question), 78)}\n", flush=True)
            show("show", "@latest", *store)
    provsdk.shutdown()
    print(f"\n{'=' * 78}\nLook further:")
    for arguments in ("list", "sources @latest", "lineage @latest", "audit @latest", "verify"):
        print("  " + " ".join([program(), arguments, *store]))
    return 0


def configure() -> tuple[str, ...]:
    """Sets provsdk up, with its store here; what the command line has to be told to find that store."""
    number = 1
    while True:
        place = os.environ.get("PROVSDK_STORE") or (".provsdk" if number == 1 else f".provsdk-{number}")
        try:
            provsdk.configure(service="ask-the-docs", owner="docs-team", store=place)
        except StoreRolledBack:
            # A log that vanished is what provsdk must not pass over. Here somebody tidied up, and a new one will do.
            if (Path(place) / "log.db").exists() or "PROVSDK_STORE" in os.environ:
                raise
            print(f"The store of an earlier run, {place}, is gone, and remembered: this run takes another place.")
            number += 1
        else:
            return () if number == 1 else ("--store", place)


def connect(stack: ExitStack) -> tuple[OpenAI, str]:
    """The client and the model that it asks for: yours, or the extractive one."""
    base_url = os.environ.get("OPENAI_BASE_URL")
    if base_url:
        client = stack.enter_context(OpenAI(api_key=os.environ.get("OPENAI_API_KEY") or "none"))
        model = os.environ.get("OPENAI_MODEL") or client.models.list().data[0].id
        print(f"Answers come from {model} at {base_url}.")
        return client, model
    print(
        "OPENAI_BASE_URL is not set, so no language model answers: a small server on 127.0.0.1,\n"
        "started by this program, picks sentences out of the passages it is sent. Its tokens are words."
    )
    own = stack.enter_context(running())
    direct = DefaultHttpxClient(trust_env=False)  # a proxy in the environment is not meant for this
    return stack.enter_context(OpenAI(base_url=own, api_key="none", http_client=direct)), MODEL


def show(*arguments: str) -> None:
    """Runs the command line, as a person would."""
    print(f"$ {program()} {shlex.join(arguments)}", flush=True)
    done = subprocess.run([program(), *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def program() -> str:
    """How `provsdk` is called from here."""
    beside, here = Path(sys.executable).parent / "provsdk", Path.cwd()
    if not beside.exists():
        return "provsdk"
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OpenAIError as problem:
        sys.exit(f"The model could not be asked: {problem}")
    except provsdk.ProvsdkError as problem:
        sys.exit(f"provsdk: {problem}")
