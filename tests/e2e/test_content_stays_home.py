"""Content stays home: names and short secrets, planted wherever values pass, are looked for wherever something leaves.

What may stand where is design: spans, leaves, logs and errors hold none of it in any form, nor a digest that can be
guessed; the store holds facts that people declared of a call (parameters, reasons, whom it concerns, keys of mappings),
plain digests, and captured content, that only encrypted.
"""

import base64
import contextlib
import hashlib
import json
import logging
import traceback

import pydantic
import pytest
from openai.types.chat import ChatCompletion
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import provsdk
from provsdk import (
    Prompt,
    declare_source,
    traced_check,
    traced_model_call,
    traced_output,
    traced_source,
    traced_transform,
)
from provsdk.capture import _guard
from provsdk.digest import digest
from provsdk.store.open import open_store

CONTENT = {
    "argument": "Zoë Quillfeldt",
    "short argument": "hunter2",
    "result": "Quillfeldt owes 4711 euros",
    "passage": "Patient Quillfeldt, born 1961, was treated for gout in March.",
    "value of a mapping": "IBAN DE02-1203-0000",
    "bytes": "raw-bytes-of-a-scan",
    "exception of a source": "no such patient: Oswald",
    "exception of an output": "card 4111-1111 declined",
    "answer": "Mrs Quillfeldt should drink less wine, and eat fewer herrings.",
    "short answer": "gout!!",
    "tool argument": "quillfeldt@example.org",
    "prompt template": "You speak to {name}, who lies about wine",
    "rendered prompt": "You speak to Zoe, who lies about wine; be kind to her, always.",
    "message": "Is it the herrings?",
    "fact of a wrong kind": "not-a-type-but-a-name",
    "verdict of a wrong kind": "Quillfeldt lied again",
    "password of a URL": "p4ssw/rd",
    "token of a URL": "tok-5511",
    "password of a connection string": "geheim77",
    "password of a JDBC URL": "jdbc-pw-9",
    "wrapped text": "typed as Oswald 77",
    "streamed answer": "Tell nobody about the herrings of Mr Quill.",
    "streamed tool argument": "call-oswald-at-home",
    "exception of a stream": "stream lost: Oswald",
}
"""What passes through the program as a value, or hides in a location: in no part of the store but captured content."""

DECLARED = {
    "key of a mapping": "oswald_the_patient",
    "key of a container": "berta the nurse",
    "name of a keyword argument": "cousin_walburga",
    "extra field of a model": "walburga_extra",
    "parameter": "walburgas-kitchen",
    "setting": "STOP-WALBURGA",
    "reason": "mentions Aunt Hedwig",
    "subject": "hedwig@example.org",
    "recipient": "irmgard@example.org",
    "session": "sess-irmgard",
    "purpose": "spying on Irmgard",
    "owner of the output": "otto@example.org",
    "owner of a source": "ottilie@example.org",
}
"""What was declared of a call, or names a value: at home it may be read."""

SECRETS = {**CONTENT, **DECLARED}


class Form(pydantic.BaseModel, extra="allow"):
    """What a user typed, with fields that the program does not know."""

    text: str


class ReadsStarts(SpanProcessor):
    """Makes our spans ordinary ones of the SDK."""

    def on_start(self, span, parent_context=None):
        span.is_recording()


@traced_source(
    type="database",
    location="postgres://clinic:p4ssw/rd@db:5432/patients?token=tok-5511",
    owner=SECRETS["owner of a source"],
)
def passages():
    return [SECRETS["passage"], {SECRETS["key of a mapping"]: SECRETS["value of a mapping"] * 4}]


@traced_source(location="host=db user=clinic password=geheim77", parameters={"kitchen": SECRETS["parameter"]})
def scan():
    return SECRETS["bytes"].encode() * 4


@traced_source(
    location="jdbc:sqlserver://db:1433;user=sa;password=jdbc-pw-9",
    type=lambda result: SECRETS["fact of a wrong kind"],
)
def broken_source():
    raise LookupError(SECRETS["exception of a source"])


@traced_transform("cut", type=lambda result: SECRETS["fact of a wrong kind"])
def cut(values, **more):
    return {SECRETS["key of a container"]: [*values, SECRETS["short argument"]]}


@traced_model_call("chat", prompt_template=lambda **_: Prompt("clinic", "3", SECRETS["prompt template"]))
def chat(messages, temperature=0.2, stop=None, tools=None):
    call = {"name": "mail", "arguments": json.dumps({"to": SECRETS["tool argument"], "body": SECRETS["answer"]})}
    message = {
        "role": "assistant",
        "content": SECRETS["answer"],
        "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
    }
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
    }
    return ChatCompletion.model_validate(body)


@traced_model_call("streamed by hand", response_id=lambda result: "r-1")
def short():
    return {
        "object": "chat.completion",
        "choices": [{"finish_reason": SECRETS["message"], "message": {"content": SECRETS["short answer"]}, "index": 0}],
    }


@traced_check("no names", type="pii_scan")
def no_names(text):
    return False, [SECRETS["reason"]]


@traced_check("odd")
def odd(text):
    return SECRETS["verdict of a wrong kind"]


@traced_output(
    "clinic-answer",
    subjects=[SECRETS["subject"]],
    recipients=[SECRETS["recipient"]],
    session=lambda question: SECRETS["session"],
    purpose=SECRETS["purpose"],
    owner=SECRETS["owner of the output"],
    classification=lambda result: SECRETS["fact of a wrong kind"],
)
def answer(question, password):
    declare_source(Form(text=SECRETS["wrapped text"] * 3, **{SECRETS["extra field of a model"]: "x" * 40}), name="form")
    found = passages()
    scan()
    with contextlib.suppress(LookupError):
        broken_source()
    cut(found, **{SECRETS["name of a keyword argument"]: SECRETS["message"] * 3})
    messages = [
        {"role": "user", "content": SECRETS["message"]},
        {"role": "user", "content": SECRETS["rendered prompt"]},
    ]
    response = chat(messages, stop=[SECRETS["setting"]], tools=[{"name": "mail", "description": SECRETS["message"]}])
    short()
    no_names(response.choices[0].message.content)
    odd(SECRETS["result"])
    return SECRETS["result"]


@traced_model_call("stream")
def stream():
    for text in (SECRETS["streamed answer"][:9], SECRETS["streamed answer"][9:]):
        yield {"object": "chat.completion.chunk", "id": "c-1", "choices": [{"index": 0, "delta": {"content": text}}]}
    call = {"index": 0, "id": "call_1", "function": {"name": "mail", "arguments": SECRETS["streamed tool argument"]}}
    yield {"object": "chat.completion.chunk", "id": "c-1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    raise ConnectionError(SECRETS["exception of a stream"])


@traced_output("clinic-stream")
def streamed():
    with contextlib.suppress(ConnectionError):
        for chunk in stream():
            yield chunk["choices"][0]["delta"].get("content")


@traced_output("clinic-failure")
def failing(card):
    with traced_transform("charge") as step:
        step.use(card)
        raise RuntimeError(SECRETS["exception of an output"])


def program():
    """A clinic's assistant: everything that can carry content carries some."""
    answer(SECRETS["argument"], password=SECRETS["short argument"])
    assert "".join(filter(None, streamed())) == SECRETS["streamed answer"]
    with pytest.raises(RuntimeError):
        failing({"card": SECRETS["exception of an output"] * 2})


def forms(secret):
    """A secret in every form in which it could leave: itself, escaped, encoded, and its guessable digests."""
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], secret.encode().hex()}
    texts.add(base64.b64encode(secret.encode()).decode().rstrip("="))
    for data in (secret.encode(), json.dumps(secret).encode(), json.dumps(secret, ensure_ascii=False).encode()):
        for found in (hashlib.sha256(data).digest(), hashlib.sha1(data).digest(), hashlib.md5(data).digest()):
            texts |= {found.hex(), base64.b64encode(found).decode().rstrip("=")}
            texts.add(base64.urlsafe_b64encode(found).decode().rstrip("="))
    texts.add(digest(secret).hex())
    texts.add(digest([secret]).hex())
    return texts


FORMS = {name: forms(secret) for name, secret in SECRETS.items()}


def found_in(text, names=SECRETS):
    """Which secrets the text gives away."""
    lowered = text.lower()
    return sorted(name for name in names if any(form.lower() in lowered for form in FORMS[name]))


@pytest.fixture(params=["private spans", "spans of the SDK"])
def provider(request):
    made = TracerProvider(shutdown_on_exit=False)
    made.exporter = InMemorySpanExporter()
    if request.param == "spans of the SDK":
        made.add_span_processor(ReadsStarts())
    made.add_span_processor(SimpleSpanProcessor(made.exporter))
    yield made
    made.shutdown()


@pytest.fixture(params=["none", "full"])
def mode(request):
    return request.param


@pytest.fixture
def ran(provider, mode, tmp_path, caplog):
    """The program, run to its end; what it left behind is looked through below."""
    caplog.set_level(logging.DEBUG)
    _guard.failures.clear()  # each kind of failure is logged once in a process: here they are to be seen
    provsdk.configure(tracer_provider=provider, capture_content=mode)
    program()
    provsdk.shutdown()
    return tmp_path


def everything_on(span):
    said = [span.name, span.to_json(), repr(span.status.description), repr(dict(span.attributes))]
    return "\n".join([*said, *(repr((event.name, dict(event.attributes))) for event in span.events)])


def test_no_exported_span_gives_anything_away(ran, provider):
    spans = provider.exporter.get_finished_spans()

    assert {"clinic-answer", "chat", "passages", "charge", "stream"} <= {span.name.rpartition(".")[2] for span in spans}
    assert {span.name: found_in(everything_on(span)) for span in spans if found_in(everything_on(span))} == {}
    assert all(span.events == () and span.status.description is None for span in spans)


def test_no_leaf_of_the_log_gives_anything_away(ran):
    with_keys = open_store(ran / ".provsdk", keys=ran / "keys", state=ran / "state", read_only=True)
    leaves = [repr(entry) for entry in with_keys.entries()]
    raw = [bytes(row[0]) for row in with_keys._connection.execute("SELECT bytes FROM entries")]
    with_keys.close()

    assert len(raw) == len(leaves) >= 3
    assert [found_in(leaf) for leaf in leaves if found_in(leaf)] == []
    assert [found_in(data.decode()) for data in raw if found_in(data.decode())] == []


def test_no_line_of_a_log_gives_anything_away(ran, caplog):
    lines = [f"{line.name} {line.getMessage()} {line.exc_text} {line.exc_info}" for line in caplog.get_records("setup")]

    assert any("provsdk could not take 'type'" in line for line in lines)
    assert [line for line in lines if found_in(line)] == []


def test_what_can_be_read_of_the_store_without_keys_holds_no_content(ran, mode):
    elsewhere = open_store(ran / ".provsdk", keys=ran / "no keys", state=ran / "no state", read_only=True)
    parts = [part for entry in elsewhere.entries() for part in elsewhere.parts(entry.index)]
    elsewhere.close()
    readable = {part.path: part.content.decode() for part in parts if part.content is not None}

    assert any(part.path.startswith("content/") for part in parts) is (mode == "full")
    assert not any(path.startswith("content/") for path in readable)
    texts = {
        path: [name for name in CONTENT if CONTENT[name].lower() in text.lower()] for path, text in readable.items()
    }
    assert {path: names for path, names in texts.items() if names} == {}
    assert any(DECLARED["reason"] in text for text in readable.values()), "what may stand there was looked for too"


def test_no_file_of_the_store_holds_content_in_plain(ran):
    files = [path for place in (".provsdk", "state", "keys") for path in (ran / place).rglob("*") if path.is_file()]
    assert {"log.db", "digest.key"} <= {file.name for file in files}
    for file in files:
        data = file.read_bytes()
        assert [name for name, secret in CONTENT.items() if secret.encode() in data] == [], file.name


def test_captured_content_is_there_for_whoever_has_the_keys(ran, mode):
    store = open_store(ran / ".provsdk", keys=ran / "keys", state=ran / "state", read_only=True)
    kept = "".join(
        part.content.decode()
        for entry in store.entries()
        for part in store.parts(entry.index)
        if part.path.startswith("content/")
    )
    store.close()

    for name in ("argument", "passage", "prompt template", "rendered prompt", "result", "answer", "streamed answer"):
        assert (SECRETS[name] in kept) is (mode == "full"), name


def test_no_error_of_ours_gives_anything_away(provider):
    provsdk.configure(tracer_provider=provider, on_failure="raise")
    secret = SECRETS["fact of a wrong kind"]

    @traced_source(type=lambda text: text)
    def typed(text):
        return text

    @traced_source(each=True, classification=lambda item: item)
    def each(text):
        return [text]

    @traced_source(modified_at=lambda text: text)
    def dated(text):
        return text

    @traced_check
    def odd(text):
        return text

    with traced_output("out"):
        for function in (typed, each, dated, odd):
            with pytest.raises(provsdk.ProvsdkError) as caught:
                function(secret)
            assert found_in(whole(caught.value)) == []


FACTS = {
    traced_output: ["version", "session", "subjects", "recipients", "purpose", "owner", "classification", "retention"],
    traced_source: [
        "type", "version", "location", "parameters", "owner", "classification", "checksum", "modified_at",
        "reliability",
    ],
    traced_transform: ["type", "version", "parameters"],
    traced_model_call: ["version", "parameters", "provider", "model", "input_tokens", "finish_reasons"],
    traced_check: ["type", "version", "parameters", "result", "reasons", "blocking"],
}  # fmt: skip


class Speaks:
    """Of no kind that a fact may have; it gives its text away to whoever prints it."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def in_an_object(text):
    return Speaks(text)


ODD = {
    "in an object": in_an_object,
    "in bytes": lambda text: [text.encode()],
    "nested": lambda text: [[text]],
    "in a set": lambda text: {Speaks(text)},
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("decorate", "fact"), [(one, fact) for one, facts in FACTS.items() for fact in facts])
def test_no_error_of_a_fact_that_a_rule_gives_says_what_it_gave(provider, decorate, fact, odd):
    provsdk.configure(tracer_provider=provider, on_failure="raise")
    secret = SECRETS["fact of a wrong kind"]
    function = decorate(**{fact: ODD[odd]})(lambda text: True)

    with traced_output("out"), pytest.raises(provsdk.ProvsdkError) as caught:
        function(secret)

    assert found_in(whole(caught.value)) == []
    assert fact in str(caught.value)


def whole(error):
    """The error and every error that it knows of."""
    below = [whole(each) for each in (error.__cause__, error.__context__) if each is not None]
    return "\n".join([*traceback.format_exception_only(error), repr(error.args), *below])


def test_the_search_finds_what_is_there():
    """The looking itself is tested: every form of a secret is found, and that of a known word is a known one."""
    assert "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in forms("hello")
    assert "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" in forms("hello")
    for name, found in FORMS.items():
        for form in found:
            assert name in found_in(f"before {form} after")
