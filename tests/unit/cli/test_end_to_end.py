"""A program records, another process asks: through the installed command, on the store that the program made."""

import json
import os
import subprocess
import sys
import textwrap

PROGRAM = """
    import provsdk

    @provsdk.traced_source(type="file", version="3", location="handbook.md")
    def read_handbook():
        return ["Refunds are paid within fourteen days of the request.", "Parcels are sent on the next working day."]

    @provsdk.traced_transform(type="filter")
    def choose(passages):
        return passages[:1]

    @provsdk.traced_model_call(provider="nobody", model="copy-1")
    def copy(passages):
        return passages[0]

    @provsdk.traced_output("refund-answer")
    def answer(question):
        return copy(choose(read_handbook()))

    provsdk.configure(owner="ana@example.org", exporters=[{"name": "jsonl", "path": "out.jsonl"}])
    for _ in range(3):
        answer("When is my refund paid to my account, please?")
    provsdk.shutdown()
"""


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", "from provsdk.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_records_and_the_command_line_answers(home):
    (home / "program.py").write_text(textwrap.dedent(PROGRAM))
    subprocess.run([sys.executable, "program.py"], check=True, timeout=60)

    listed = json.loads(command("list", "--json"))
    assert [item["name"] for item in listed] == ["refund-answer"] * 3

    (source,) = json.loads(command("sources", "@latest", "--json"))
    assert (source["location"], source["version"], source["link"]["strength"]) == ("handbook.md", "3", "observed")

    report = command("show", "@latest")
    assert "ana@example.org (output owner)" in report
    assert "verified (signed by key " in report
    assert "source, file · observed: identity" in command("lineage", "@latest")
    assert json.loads(command("verify", "--json"))["ok"]

    exported = [json.loads(line)["record_id"] for line in (home / "out.jsonl").read_text().splitlines()]
    assert exported == [item["record_id"] for item in reversed(listed)]
