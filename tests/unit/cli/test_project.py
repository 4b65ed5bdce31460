"""A project is read, never run: frameworks, OpenTelemetry, and the functions to decorate."""

import ast
import textwrap

import pytest

from provsdk.cli import project as project_module
from provsdk.cli.advice import advice
from provsdk.cli.project import look
from provsdk.cli.source_scan import scan

ANSWERS = """
    '''Answers.'''
    import openai

    client = openai.OpenAI()


    def search_orders(question):
        return ["order 1"]


    def chat(prompt):
        reply = client.chat.completions.create(model="m", messages=[])
        return reply.choices[0].message.content


    class Assistant:
        @cached
        def answer(self, question: str) -> str:
            return chat(f"{question} {search_orders(question)}")
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
        return path

    return write


def labels(found):
    return {use.framework.label for use in found.uses if use.places}


def test_frameworks_are_found_by_their_imports(write, tmp_path):
    write("a.py", "import openai\nfrom fastapi import FastAPI\n")
    write("b/c.py", "from google import genai\nimport llama_index.core\n")

    assert labels(look(tmp_path, {})) == {"OpenAI", "FastAPI", "Google GenAI", "LlamaIndex"}


def test_a_framework_that_is_only_installed_is_found_too(tmp_path, monkeypatch):
    monkeypatch.setattr(project_module, "installed", lambda: {"litellm": "1.2.3"})

    ((use,),) = [look(tmp_path, {}).uses]

    assert (use.framework.label, use.version, use.places) == ("LiteLLM", "1.2.3", ())


@pytest.mark.parametrize("place", [".venv/x.py", "node_modules/x.py", "odd-name/x.py", "tests/x.py", "test_x.py"])
def test_what_is_not_the_program_is_passed_over(write, tmp_path, place):
    write("odd-name/pyvenv.cfg", "")
    write(place, "import openai\n")

    assert labels(look(tmp_path, {})) == set()


def test_files_that_are_no_python_are_passed_over(write, tmp_path):
    write("a.py", "def broken(:\n")
    (tmp_path / "b.py").write_bytes(b"\x00\xff\xfe")
    write("c.py", "import openai\n")

    assert labels(look(tmp_path, {})) == {"OpenAI"}


def test_the_search_is_bounded_and_says_so(write, tmp_path, monkeypatch):
    monkeypatch.setattr(project_module, "FILES_AT_MOST", 2)
    for number in range(3):
        write(f"m{number}.py", "x = 1\n")

    found = look(tmp_path, {})

    assert (found.files, found.bounded) == (2, True)


def test_huge_files_are_passed_over(write, tmp_path, monkeypatch):
    monkeypatch.setattr(project_module, "BYTES_AT_MOST", 10)
    write("a.py", "import openai  # long\n")

    assert labels(look(tmp_path, {})) == set()


def test_opentelemetry_is_found_in_code_environment_and_launcher(write, tmp_path):
    path = write("t.py", "from opentelemetry.sdk.trace import TracerProvider\nprovider = TracerProvider()\n")
    launcher = write("Dockerfile", "CMD opentelemetry-instrument python app.py\n")

    found = look(tmp_path, {"OTEL_SERVICE_NAME": "x", "PATH": "y"}).telemetry

    assert found.provider == (path, 2, "provider")
    assert found.environment == ("OTEL_SERVICE_NAME",)
    assert found.launcher == launcher


def test_the_project_is_named_by_its_metadata(write, tmp_path):
    write("pyproject.toml", '[project]\nname = "shop"\n')

    assert look(tmp_path, {}).name == "shop"


@pytest.mark.parametrize("text", ["[project", "[project]\nname = 3\n", "project = 3\n", "\ufffd"])
def test_a_broken_pyproject_leaves_the_directory_name(write, tmp_path, text):
    write("pyproject.toml", text)

    assert look(tmp_path, {}).name == tmp_path.name


def test_the_lines_to_add_name_the_functions_of_this_project(write, tmp_path):
    path = write("answers.py", ANSWERS)

    found = [(item.line, item.lines[0].split("  #")[0]) for item in advice(look(tmp_path, {})) if item.path == path]

    assert found == [
        (3, "import provsdk"),
        (18, '    @provsdk.traced_output("answer")'),
        (11, '@provsdk.traced_model_call(provider="openai")'),
        (7, '@provsdk.traced_source(type="database")'),
    ]


def test_the_lines_make_a_program_that_python_reads(write, tmp_path):
    """All of them added where they are said to go."""
    path = write("answers.py", ANSWERS)
    lines = path.read_text().splitlines()

    for item in sorted(advice(look(tmp_path, {})), key=lambda item: -(item.line or 0)):
        if item.path == path and item.line is not None:
            added = [line for line in item.lines if line.strip() != lines[item.line - 1].strip()]
            lines[item.line - 1 : item.line - 1] = added

    assert "@provsdk.traced_output" in ast.unparse(ast.parse("\n".join(lines)))


def test_a_handler_is_decorated_below_its_route(write, tmp_path):
    path = write(
        "main.py",
        """
        from fastapi import FastAPI
        import openai
        app = FastAPI()
        @app.post("/ask")
        async def ask(q: str) -> str:
            return openai.OpenAI().responses.create(input=q).output_text
        """,
    )

    found = {item.lines[0]: item.line for item in advice(look(tmp_path, {})) if item.path == path}

    assert found['@provsdk.traced_output("ask")'] == 5
    assert found["import provsdk"] == 3


def test_with_a_provider_of_ones_own_configure_is_handed_it(write, tmp_path):
    path = write("t.py", "from opentelemetry.sdk.trace import TracerProvider\nprovider = TracerProvider()\n")

    assert ("import provsdk", "provsdk.configure(tracer_provider=provider)") in [
        item.lines for item in advice(look(tmp_path, {})) if item.path == path and item.line == 3
    ]


def test_a_generator_that_streams_a_models_answer_is_an_output(write, tmp_path):
    write("a.py", "import openai\ndef s(c):\n    yield from c.chat.completions.create(stream=True)\n")

    assert any('@provsdk.traced_output("s")' in item.lines for item in advice(look(tmp_path, {})))


def test_without_a_model_call_the_general_lines_are_given(tmp_path):
    assert any("traced_output" in line for item in advice(look(tmp_path, {})) for line in item.lines)


def test_with_an_output_that_is_traced_already_nothing_general_is_said(write, tmp_path):
    write("app.py", "import provsdk\n\n@provsdk.traced_output('answer')\ndef answer(): return 'text'\n")
    assert not any("no model call" in item.why for item in advice(look(tmp_path, {})))


@pytest.mark.parametrize("files", [{}, {"a.py": "x = 1\n"}, {"a.py": "x = 1\n", "b.py": "y = 1\n"}])
def test_configure_is_suggested_whatever_the_project_holds(write, tmp_path, files):
    for name, text in {"pyproject.toml": "[tool.provsdk]\nservice = 'x'\n", **files}.items():
        write(name, text)

    assert next(item.lines for item in advice(look(tmp_path, {}))) == ("import provsdk", "provsdk.configure()")


def test_settings_that_are_there_are_not_suggested_again(write, tmp_path):
    write("pyproject.toml", "[tool.provsdk]\nservice = 'x'\n")
    write("a.py", "import provsdk\nprovsdk.configure()\nif __name__ == '__main__':\n    pass\n")

    assert not any(
        "[tool.provsdk]" in item.lines or "provsdk.configure()" in item.lines for item in advice(look(tmp_path, {}))
    )


TRACED = """
import os
import provsdk
from openai import OpenAI
from provsdk import traced_output

@provsdk.traced_source(type="file")
def load_page(): return open("a.md").read()

@provsdk.traced_model_call(provider="openai")
def ask(prompt): return OpenAI().chat.completions.create(messages=prompt)

@traced_output
def answer(q): return ask(load_page() + q)
"""


def test_what_is_traced_already_is_not_suggested_again(write, tmp_path):
    path = write("a.py", TRACED)

    assert [
        item for item in advice(look(tmp_path, {})) if item.path == path and "configure" not in item.lines[-1]
    ] == []


def test_an_import_that_is_there_is_not_suggested_again(write, tmp_path):
    path = write("a.py", TRACED.replace("@traced_output\n", "") + "provsdk.configure()\n")

    assert [item.lines[0] for item in advice(look(tmp_path, {})) if item.path == path] == [
        '@provsdk.traced_output("answer")'
    ]


def test_what_is_not_the_guess_is_offered_beside_it(write, tmp_path):
    write("answers.py", ANSWERS)

    assert '@provsdk.traced_source(type="database")  # or api, file …; location= says where' in [
        item.lines[0] for item in advice(look(tmp_path, {}))
    ]


def test_a_function_inside_a_function_keeps_its_own_calls(tmp_path):
    module = scan(tmp_path / "x.py", b"def outer():\n    def inner():\n        yield call()\n    return inner\n")

    assert module is not None
    assert {function.name: function.calls for function in module.functions} == {
        "outer": (),
        "inner": (("call", 3),),
    }


STREAMS = """
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    from openai import AsyncOpenAI

    app = FastAPI(
        title="Chat",
    )
    app.add_middleware(Other)
    client = AsyncOpenAI()


    def search_orders(question):
        return ["order 1"]


    async def words(question):
        stream = await client.chat.completions.create(model="m", stream=True, messages=search_orders(question))
        async for chunk in stream:
            yield chunk


    @app.get("/chat")
    async def chat(question):
        body = words(question)
        return StreamingResponse(body, media_type="text/plain")
"""


def test_of_a_streamed_response_the_generator_makes_the_output(write, tmp_path):
    write("app.py", STREAMS)

    lines = [item.lines[0] for item in advice(look(tmp_path, {})) if item.lines[0].startswith("@")]

    assert '@provsdk.traced_output("words")' in lines
    assert not any("chat" in line for line in lines)
    assert any(line.startswith("@provsdk.traced_source") for line in lines)


def test_so_it_does_where_it_stands_within_the_endpoint_or_is_handed_over_by_name(write, tmp_path):
    write(
        "app.py",
        """
        import flask, openai
        app = flask.Flask("shop")

        @app.get("/chat")
        def chat():
            def words():
                yield from openai.chat.completions.create(model="m", stream=True)
            return flask.Response(response=words(), mimetype="text/event-stream")
        """,
    )

    found = advice(look(tmp_path, {}))

    assert [item.lines[0] for item in found if "traced_output" in item.lines[0]] == [
        '    @provsdk.traced_output("words")'
    ]
    assert not any("DeliveryMiddleware" in line for item in found for line in item.lines)


def test_an_application_that_servers_end_by_a_signal_is_told_of_its_lifespan(tmp_path, write):
    write("app.py", STREAMS)
    (found,) = [item for item in advice(look(tmp_path, {})) if "provsdk.configure()" in item.lines]
    assert "lifespan, with provsdk.shutdown() after its yield" in found.why

    write("app.py", "import openai\n\n\ndef answer(q):\n    return openai.OpenAI().chat.completions.create(q)\n")
    (found,) = [item for item in advice(look(tmp_path, {})) if "provsdk.configure()" in item.lines]
    assert "lifespan" not in found.why


def test_an_asgi_application_that_streams_is_told_of_delivery(write, tmp_path):
    path = write("app.py", STREAMS)

    (found,) = [item for item in advice(look(tmp_path, {})) if "DeliveryMiddleware" in item.lines[0]]

    assert found.lines[1] == "app.add_middleware(DeliveryMiddleware)"
    assert path.read_text().splitlines()[found.line - 2] == "app.add_middleware(Other)"


def test_it_is_not_told_again(write, tmp_path):
    write("app.py", "    from provsdk.asgi import DeliveryMiddleware\n" + STREAMS)

    assert not any("DeliveryMiddleware" in item.lines[0] for item in advice(look(tmp_path, {})))


def test_an_application_that_streams_nothing_is_not_told(write, tmp_path):
    write("app.py", ANSWERS + "\n    from fastapi import FastAPI\n    app = FastAPI()\n")

    assert not any("DeliveryMiddleware" in item.lines[0] for item in advice(look(tmp_path, {})))


def test_each_program_of_a_project_is_configured_where_it_begins(write, tmp_path):
    chat = """
    import openai


    def answer{n}(q):
        return openai.chat.completions.create(model="m", messages=q).choices[0].message.content


    if __name__ == "__main__":
        print(answer{n}("?"))
    """
    write("first.py", chat.format(n=1))
    second = write("second.py", chat.format(n=2))
    write("no_program.py", "import os\n\nif __name__ == '__main__':\n    print(os.name)\n")

    found = advice(look(tmp_path, {}))

    configured = [(item.path.name, item.line, item.lines) for item in found if "provsdk.configure()" in str(item.lines)]
    assert configured == [
        ("first.py", 2, ("import provsdk", "provsdk.configure()")),
        ("second.py", 9, ("    provsdk.configure()",)),
    ]
    assert any(item.path == second and item.lines == ("import provsdk",) for item in found)


def test_what_stands_there_already_is_no_line_to_add(write, tmp_path):
    path = write("answers.py", ANSWERS)
    lines = path.read_text().splitlines()

    for item in advice(look(tmp_path, {})):
        if item.path == path and item.above is not None:
            assert item.above == lines[item.line - 1]
            assert item.above not in item.lines
