"""The digest of a traced function is that of its source text: the same on every machine, another when it was edited."""

import functools
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provsdk import traced_output
from provsdk.capture._code import number_of, traced
from provsdk.pipeline._functions import code_digest, function_digest, source_digest

TEXT = '''\
def answer(question):
    """Answers."""
    return question.upper()
'''


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Loads a module from text; every one has a file of its own."""
    numbers = iter(range(100))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text, name="answers"):
        path = tmp_path / f"{name}{next(numbers)}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def digest(function):
    return function_digest(number_of(function))


def test_it_is_the_sha256_of_the_text(loaded):
    name, found = digest(loaded(TEXT).answer)
    assert name == "answers.answer"
    assert found == "sha256:" + hashlib.sha256(TEXT.encode()).hexdigest()


def test_indentation_and_line_ends_are_no_difference(loaded):
    inside = "class Desk:\n" + "".join(f"    {line}\n" for line in TEXT.splitlines())
    assert digest(loaded(inside).Desk.answer)[1] == digest(loaded(TEXT).answer)[1]
    assert source_digest(TEXT.replace("\n", "\r\n")) == source_digest(TEXT)
    assert source_digest(TEXT.replace("\n", "  \n") + "\n\n") == source_digest(TEXT)


def test_an_edit_is_another_digest(loaded):
    assert digest(loaded(TEXT.replace("upper", "lower")).answer)[1] != digest(loaded(TEXT).answer)[1]


def test_what_stands_elsewhere_in_the_file_is_no_difference(loaded):
    assert digest(loaded("x = 1\n\n\n" + TEXT + "\ny = 2\n").answer)[1] == digest(loaded(TEXT).answer)[1]


def test_a_decorator_is_part_of_the_function(loaded):
    decorated = "import functools\n\n@functools.lru_cache(3)\n" + TEXT
    name, found = digest(loaded(decorated).answer)
    assert name == "answers.answer"
    assert found == source_digest("@functools.lru_cache(3)\n" + TEXT)


def wrapper(question):
    return question


def test_below_wrappers_the_function_itself_is_meant(loaded):
    module = loaded("class Desk:\n    def __call__(self):\n        return 1\n\n" + TEXT)
    expected = digest(module.answer)
    assert digest(functools.partial(module.answer, "a")) == expected
    assert digest(staticmethod(module.answer)) == expected
    assert digest(functools.update_wrapper(wrapper, module.answer)) == expected
    assert digest(module.Desk())[0] == "answers.Desk.__call__"


def test_a_file_that_was_changed_since_does_not_lie_for_the_code(loaded):
    """A deployment puts new text under a running program: what runs is the old one."""
    module = loaded(TEXT)
    number = number_of(module.answer)
    Path(module.__file__).write_text(TEXT.replace("upper", "lower"))
    os.utime(module.__file__, ns=(1, 1))
    assert function_digest(number)[1] == code_digest(module.answer.__code__)


def test_without_its_text_the_code_is_digested_and_says_so():
    space = {"__name__": "made"}
    exec(compile(TEXT, "<nowhere>", "exec"), space)
    name, found = digest(space["answer"])
    assert name == "made.answer"
    assert found == code_digest(space["answer"].__code__)
    assert found.startswith(f"{sys.implementation.cache_tag}:sha256:")


PROGRAM = """
import sys
from provsdk.pipeline._functions import code_digest
space = {}
exec(compile("\\n" * int(sys.argv[1]) + '''
def answer(x):
    if x in {"a", "b", "c", "d"}:
        return [y for y in (1, 2.5, None, b"z", (True, ...)) if y]
''', sys.argv[2], "exec"), space)
print(code_digest(space["answer"].__code__))
"""


def test_the_digest_of_code_is_the_same_in_every_run_and_file():
    """Sets of constants have another order in every process, and compiled code knows its file and line."""

    def run(seed, lines, path):
        environment = {"PYTHONHASHSEED": seed, "PATH": ""}
        command = [sys.executable, "-c", PROGRAM, lines, path]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    assert run("1", "0", "<a>") == run("2", "7", "<b>")


def test_other_code_has_another_digest():
    def of(text):
        space = {}
        exec(text, space)
        return code_digest(space["f"].__code__)

    texts = ["def f(x): return x", "def f(y): return y", "def f(x): return x, 1", "def f(x, /): return x"]
    texts += ["def f(x): return x, True", "def f(x): return x, 1.0", "def f(x): return g(x)", "def f(x): return h(x)"]
    assert len({of(text) for text in texts}) == len(texts)


def test_what_was_not_written_in_python_has_none():
    assert number_of(len) is None
    assert number_of(None) is None


def test_what_breaks_when_it_is_looked_at_has_that_of_its_class():
    class Hostile:
        def __getattr__(self, name):
            raise ZeroDivisionError

        def __call__(self):
            return 1

    assert number_of(Hostile()) == number_of(Hostile.__call__)


def test_the_same_function_decorated_again_has_the_same_number():
    def make():
        def answer():
            return 1

        return answer

    assert number_of(make()) == number_of(make())
    assert traced(number_of(make())).name.endswith("make.<locals>.answer")
    assert traced(10**9) is None


def test_decorating_reads_no_source(loaded, monkeypatch):
    module = loaded(TEXT)
    monkeypatch.setattr("linecache.getlines", lambda *arguments: pytest.fail("read"))
    traced_output("answer")(module.answer)
