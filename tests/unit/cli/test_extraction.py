"""The lines that `init` prints for a model call within an output run as they are printed."""

import asyncio
import sys
import textwrap
import types

import pytest

from provsdk.cli.advice import advice
from provsdk.cli.project import look

PROGRAMS = {
    "async function": """
        import openai

        client = openai.Client()

        async def answer(question: str) -> str:
            reply = await client.chat.completions.create(
                model="m",  # the model
                messages=[{"role": "user", "content": question}],
            )
            return reply
    """,
    "async method": """
        import openai

        class Assistant:
            def __init__(self):
                self.client = openai.Client()

            async def answer(self, question):
                return (await self.client.chat.completions.create(model="m", messages=[question])).strip()

        answer = lambda question: Assistant().answer(question)
    """,
    "client within": """
        import openai

        async def answer(question):
            client = openai.Client()
            options = {"temperature": 0}
            if text := await client.chat.completions.create(model="m", messages=[f"{question}: é"], **options):
                return text
    """,
    "positional and starred": """
        import openai

        async def answer(question, *more):
            return await openai.Client().chat.completions.create("m", [question], *more)
    """,
    "static method": """
        import openai

        class Assistant:
            @staticmethod
            async def answer(question):
                return await openai.Client().chat.completions.create(messages=question)

        answer = Assistant.answer
    """,
}


class Client:
    """As a model's client: it answers with what it was asked."""

    chat = property(lambda self: self)
    completions = chat

    async def create(self, *arguments, **options):
        await asyncio.sleep(0)
        return f"{arguments} {options}"


def changed(source, path, project):
    """The program with every line added and replaced as it is said."""
    lines = source.splitlines()
    found = sorted(enumerate(advice(project)), key=lambda one: (-(one[1].line or 0), -one[0]))
    for _, item in found:
        if item.path != path or item.line is None:
            continue
        if item.until is not None:
            lines[item.line - 1 : item.until] = item.lines
            continue
        lines[item.line - 1 : item.line - 1] = item.lines
    return "\n".join(lines)


def answer_of(source, name):
    module = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
    return asyncio.run(module.answer("why?"))


@pytest.mark.parametrize("kind", PROGRAMS)
def test_the_changed_program_answers_as_before(tmp_path, monkeypatch, kind):
    source = textwrap.dedent(PROGRAMS[kind]).lstrip()
    path = tmp_path / "app.py"
    path.write_text(source)
    monkeypatch.setitem(sys.modules, "openai", types.SimpleNamespace(Client=Client))
    monkeypatch.setattr("provsdk.configure", lambda: None)

    new = changed(source, path, look(tmp_path, {}))

    assert "async def call_model(" in new
    assert "await call_model(" in new or "await self.call_model(" in new
    assert "…" not in new
    assert answer_of(new, "after") == answer_of(source, "before")


def test_two_calls_of_one_file_get_two_names(tmp_path):
    path = tmp_path / "app.py"
    path.write_text(
        "import openai\n\ndef one(q):\n    return openai.responses.create(input=q)\n\n"
        "def two(q):\n    return openai.responses.create(input=q)\n"
    )

    new = changed(path.read_text(), path, look(tmp_path, {}))

    assert "def call_model(input):" in new
    assert "def call_model_for_two(input):" in new
    assert "return call_model_for_two(input=q)" in new


def test_init_prints_the_lines_as_they_are(run, home):
    (home / "app.py").write_text(textwrap.dedent(PROGRAMS["async function"]).lstrip())

    text = run("init").stdout

    assert "async def call_model(model, messages):" in text
    assert "return await client.chat.completions.create(" in text
    assert "instead of lines 6 to 9" in text
    assert "reply = await call_model(" in text
