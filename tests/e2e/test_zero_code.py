"""Capture without a line of code in the program: `opentelemetry-instrument` and `provsdk trace`, as users call them."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import zipapp
from pathlib import Path

import pytest

from provsdk.store.open import open_store

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]

pytest.importorskip("opentelemetry.instrumentation.auto_instrumentation")
pytest.importorskip("opentelemetry.distro")
pytest.importorskip("opentelemetry.instrumentation.sqlite3")

APP = """
import os, signal, sqlite3, sys
from provsdk import traced_output, traced_source

@traced_source("rows", type="database")
def rows():
    connection = sqlite3.connect(":memory:")
    cursor = connection.cursor()
    cursor.execute("select 'a row that is long enough to link something'")
    found = cursor.fetchall()
    cursor.close()
    connection.close()
    return found

@traced_output("answer")
def answer():
    return rows()[0][0]
"""


@pytest.fixture
def place(tmp_path):
    """A directory with a program in it that has outputs and knows nothing of `configure`."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def _as_in_a_terminal():
    """Whatever runs the tests may ignore Ctrl-C, as a shell does for what it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def call(place):
    """Calls a program of our virtual environment in that directory."""

    def called(*command, stdin=None, **variables):
        environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(place),
            **{f"PROVSDK_{name.upper()}": str(place / name) for name in ("keys", "state")},
            **variables,
        }
        return subprocess.run(
            [str(one) for one in command],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=_as_in_a_terminal,
        )

    return called


@pytest.fixture
def records(place):
    """The records in the store of the run, oldest first."""

    def read(store=".provsdk"):
        places = {name: place / name for name in ("keys", "state")}
        opened = open_store(place / store, **places, read_only=True)
        try:
            return [opened.fold(one.record_id).record for one in opened.summaries(newest_first=False)]
        finally:
            opened.close()

    return read


def program(place, body, name="main.py"):
    (place / name).write_text("from app import *\n" + textwrap.dedent(body))
    return name


KILLED = "answer()\nos.kill(os.getpid(), signal.SIGKILL)\n"


# The exporter that the SDK's configurator loads.


@pytest.mark.parametrize("sampler", ["parentbased_always_on", "always_off"])
def test_what_returned_before_sigkill_is_on_disk_whatever_the_sampler_says(call, place, records, sampler):
    main = program(place, KILLED)
    done = call(
        "opentelemetry-instrument",
        "python",
        main,
        OTEL_TRACES_EXPORTER="provsdk",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_TRACES_SAMPLER=sampler,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    (record,) = records()
    assert [one.name for one in record.sources] == ["rows"]
    if sampler == "always_off":
        assert [one.reason for one in record.completeness.reasons] == ["span_unsampled"]
    else:
        assert record.capture.integrations == ["opentelemetry.instrumentation.sqlite3"]


def instrumented(call, main, sink, **variables):
    return call(
        "opentelemetry-instrument",
        "python",
        main,
        OTEL_TRACES_EXPORTER="provsdk,otlp",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{sink.url}/otlp/v1/traces",
        **variables,
    )


def test_an_exporter_beside_it_gets_its_spans_and_ours(call, place, records, sink):
    done = instrumented(call, program(place, "answer()\n"), sink)
    assert done.returncode == 0, done.stderr
    names = {one.span_id: one.name for one in sink.spans["otlp"]}
    below = {one.name: names.get(one.parent_id) for one in sink.spans["otlp"]}
    assert below == {"answer": None, "rows": "answer", "select": "rows"}
    assert len(records()) == 1


BURST = """
import threading
def burst():
    for _ in range(50): answer()
threads = [threading.Thread(target=burst) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_burst_that_overflows_the_queue_of_the_exporter_beside_it_costs_no_record_anything(
    call, place, records, sink
):
    queue = {"MAX_QUEUE_SIZE": "16", "MAX_EXPORT_BATCH_SIZE": "16", "SCHEDULE_DELAY": "60000"}
    variables = {f"OTEL_BSP_{name}": value for name, value in queue.items()}
    done = instrumented(call, program(place, BURST), sink, **variables)
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = records()
    assert len(found) == 200
    assert len(sink.spans.get("otlp", ())) < 3 * len(found), "nothing was dropped"
    for record in found:
        assert [one.name for one in record.sources] == ["rows"]
        assert record.capture.integrations == ["opentelemetry.instrumentation.sqlite3"]
        assert record.output.output_id in {edge.from_ for edge in record.flow}
        assert record.completeness.complete, record.completeness.reasons


def test_a_store_that_cannot_be_used_costs_the_program_and_its_exporter_nothing(call, place, sink):
    main = program(place, "print(answer())\n")
    done = instrumented(call, main, sink, PROVSDK_STORE="/dev/null/nowhere")
    assert done.returncode == 0
    assert "a row that is long enough" in done.stdout
    assert "OTEL_TRACES_EXPORTER=provsdk: outputs are not recorded: " in done.stderr
    assert [one.name for one in sink.spans["otlp"]] == ["select"]


# `provsdk trace`.

WAYS = {
    "a script": ["python", "main.py"],
    "a module": ["python", "-m", "main"],
    "code": ["python", "-c", "import app; app.answer()"],
    "options": ["python", "-uW", "ignore", "-X", "utf8", "main.py"],
    "a console script": ["./console"],
    "a directory": ["python", "directory"],
    "an archive": ["python", "archive.pyz"],
}


@pytest.fixture
def ways(place):
    program(place, "answer()\n")
    console = place / "console"
    console.write_text(f"#!{sys.executable}\nimport main\n")
    console.chmod(0o755)
    (place / "directory").mkdir()
    (place / "directory" / "__main__.py").write_text(APP + "answer()\n")
    zipapp.create_archive(place / "directory", place / "archive.pyz")


@pytest.mark.parametrize("way", WAYS)
def test_a_program_is_recorded_however_it_is_started(call, ways, records, way):
    done = call("provsdk", "trace", "--", *WAYS[way])
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = records()
    assert record.output.name == "answer"
    assert record.capture.integrations == ["opentelemetry.instrumentation.sqlite3"]


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_run_can_be_one_output(call, ways, records, way):
    done = call("provsdk", "trace", "--name", "nightly", *WAYS[way])
    assert (done.returncode, done.stderr) == (0, "")
    inner, whole = records()
    assert (whole.output.name, whole.output.status) == ("nightly", "completed")
    assert inner.output.output_id in {edge.to for edge in whole.flow}


@pytest.mark.parametrize(
    ("body", "code", "outcome"),
    [
        ("sys.exit()", 0, ("completed", None)),
        ("raise SystemExit(0)", 0, ("completed", None)),
        ("sys.exit(3)", 3, ("failed", "provsdk.pipeline.named_run.ExitCode")),
        ("sys.exit('said on stderr')", 1, ("failed", "provsdk.pipeline.named_run.ExitCode")),
        ("1 / 0", 1, ("failed", "builtins.ZeroDivisionError")),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, ("cancelled", "builtins.KeyboardInterrupt")),
    ],
)
def test_the_status_of_a_run_follows_its_exit_and_the_exit_is_the_programs(call, place, records, body, code, outcome):
    main = program(place, body)
    plain = call("python", main)
    named = call("provsdk", "trace", "--name", "nightly", "--", "python", main)
    assert named.returncode == plain.returncode == code
    assert named.stderr.splitlines()[-1:] == plain.stderr.splitlines()[-1:]
    (record,) = records()
    assert (record.output.status, record.output.error_type) == outcome


@pytest.mark.parametrize("named", [[], ["--name", "nightly"]])
def test_what_a_program_dies_of_is_shown_as_without_us(call, place, named):
    main = program(place, "def divides():\n    return 1 / 0\nanswer()\ndivides()\n")
    plain = call("python", main)
    assert call("provsdk", "trace", *named, "--", "python", main).stderr == plain.stderr


SELF = """
import json, __main__
print(json.dumps([sys.path, sys.argv, __name__, __main__.__dict__.get("__file__"), os.environ.get("PYTHONPATH")]))
"""


@pytest.mark.parametrize("named", [[], ["--name", "nightly"]])
@pytest.mark.parametrize("way", ["a script", "a module", "a console script"])
def test_a_program_sees_itself_as_without_us(call, place, ways, way, named):
    program(place, SELF)
    command = [*WAYS[way], "one", "--two", "--", "three"]
    plain = json.loads(call(*command).stdout)
    traced = json.loads(call("provsdk", "trace", *named, "--", *command).stdout)
    startup = str(ROOT / "provsdk" / "pipeline" / "_startup")
    assert traced.pop() == startup, "children find us by it"
    assert traced == plain[:-1]


@pytest.mark.parametrize(("body", "code"), [("print('done')", 0), ("sys.exit(3)", 3), ("os.fork() or sys.exit()", 0)])
def test_a_program_in_which_nothing_was_recorded_is_told_so_once_and_what_to_do(call, place, body, code):
    done = call("provsdk", "trace", "--", "python", program(place, body))

    assert done.returncode == code
    (said,) = done.stderr.splitlines()
    assert said.startswith("provsdk trace: no output was recorded:")
    assert "provsdk trace --name NAME" in said


CHILD = """
import subprocess
subprocess.run([sys.executable, "-c", "import app; app.answer()"], check=True)
"""


def test_a_program_whose_child_was_recorded_is_told_nothing(call, place, records):
    done = call("provsdk", "trace", "--", "python", program(place, CHILD))

    assert (done.returncode, done.stderr) == (0, "")
    assert len(records()) == 1


def test_records_of_earlier_runs_are_none_of_this_one(call, place):
    call("provsdk", "trace", "--", "python", program(place, "answer()"))

    done = call("provsdk", "trace", "--", "python", program(place, "print('done')"))

    assert "no output was recorded" in done.stderr


def test_signals_are_the_programs(call, place):
    main = program(place, "os.kill(os.getpid(), signal.SIGTERM)\n")
    assert call("provsdk", "trace", "--", "python", main).returncode == -signal.SIGTERM


@pytest.mark.parametrize("sampler", ["parentbased_always_on", "always_off"])
def test_what_returned_before_sigkill_is_on_disk(call, place, records, sampler):
    command = ["provsdk", "trace", "--store", "elsewhere", "--", "python", program(place, KILLED)]
    assert call(*command, OTEL_TRACES_SAMPLER=sampler).returncode == -signal.SIGKILL
    assert len(records("elsewhere")) == 1


@pytest.mark.parametrize("way", ["opentelemetry-instrument", "provsdk trace --"])
@pytest.mark.parametrize(
    ("unsampled", "said"),
    [
        ("own", ([], [("span_unsampled", "1 span of other instrumentations")])),
        ("all", (["opentelemetry.instrumentation.sqlite3"], [])),
    ],
)
def test_what_the_sampler_drops_is_counted_or_seen_and_exported_by_nobody(call, place, records, way, unsampled, said):
    done = call(
        *way.split(),
        "python",
        program(place, "answer()\n"),
        OTEL_TRACES_EXPORTER="provsdk,console",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_TRACES_SAMPLER="always_off",
        PROVSDK_RECORD_UNSAMPLED=unsampled,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (record,) = records()
    missing = [(one.reason, one.detail) for one in record.completeness.reasons]
    assert (record.capture.integrations, missing) == said


OWN_SET_UP = """
from opentelemetry import trace
early = trace.get_tracer("early")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
early.start_span("too early").end()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
with early.start_as_current_span("early"):
    answer()
print(sorted(span.name for span in exporter.get_finished_spans()))
trace.set_tracer_provider(TracerProvider())
"""


@pytest.mark.parametrize("named", [[], ["--name", "nightly"]])
def test_a_program_that_sets_tracing_up_itself_is_not_refused(call, place, records, named):
    main = program(place, OWN_SET_UP)
    done = call("provsdk", "trace", *named, "--", "python", main)
    assert done.stdout == "['answer', 'early', 'rows', 'select']\n", done.stderr
    assert done.stderr == call("python", main).stderr, "only its own second try is"
    assert records()[0].capture.integrations == ["opentelemetry.instrumentation.sqlite3"]


def test_what_the_program_starts_is_recorded_too(call, place, records):
    main = program(
        place, "import subprocess\nsubprocess.run([sys.executable, '-c', 'import app; app.answer()'], check=True)\n"
    )
    done = call("provsdk", "trace", "--", "python", main)
    assert (done.returncode, done.stderr) == (0, "")
    (record,) = records()
    assert record.emitter.number == 1


def test_a_sitecustomize_that_was_there_is_there(call, place):
    (place / "theirs").mkdir()
    (place / "theirs" / "sitecustomize.py").write_text("import builtins; builtins.customized = 'customized'\n")
    main = program(
        place,
        "import sitecustomize\nprint(customized, os.path.dirname(sitecustomize.__file__) == os.environ['THEIRS'])",
    )
    theirs = str(place / "theirs")
    done = call("provsdk", "trace", "--", "python", main, PYTHONPATH=theirs, THEIRS=theirs)
    assert done.stdout == "customized True\n", done.stderr


TRACES = "open('began', 'w').close()\n"


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "said"),
    [
        (["--", "no-such-program"], {}, 2, "no-such-program: there is no such program"),
        (["--", "python", "absent.py"], {}, 2, "absent.py: there is no such file to run"),
        (["--store", "/dev/null/nowhere", "--", "python", "main.py"], {}, 3, "/dev/null/nowhere"),
        (["--", "python", "main.py"], {"PROVSDK_DURABILITY": "fast"}, 2, "allowed: sync, batch"),
        (["--", "python", "-I", "main.py"], {}, 2, "ignores PYTHONPATH"),
        (["--name", "nightly", "--", "true"], {}, 2, "is no Python program"),
        (["--name", "nightly", "--", "python", "-u"], {}, 2, "cannot be one output"),
        (["--name", "\x1b[31m", "--", "python", "main.py"], {}, 2, "wants printable text"),
        (["--", "python", "main.py"], {"PROVSDK_EXPORTERS": "nobody"}, 2, "no exporter named 'nobody'"),
        ([], {}, 2, "PROGRAM"),
    ],
)
def test_what_cannot_be_recorded_is_not_begun(call, place, arguments, variables, code, said):
    program(place, TRACES)
    done = call("provsdk", "trace", *arguments, **variables)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert not (place / "began").exists()


def test_a_python_that_has_no_provsdk_is_told_and_not_begun(call, place):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "other"], check=True)
    program(place, TRACES)
    done = call("provsdk", "trace", "--", place / "other" / "bin" / "python", "main.py")
    assert done.returncode == 3
    assert "has no provsdk" in done.stderr
    assert not (place / "began").exists()


def test_a_program_that_is_no_python_runs_as_it_would(call):
    done = call("provsdk", "trace", "--", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, "hello\n")


def test_disabled_it_only_runs_the_program(call, place):
    main = program(place, "answer()\n")
    done = call("provsdk", "trace", "--", "python", main, PROVSDK_DISABLED="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (place / ".provsdk").exists()
