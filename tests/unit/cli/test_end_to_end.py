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


def test_a_tree_names_values_and_loads_that_nobody_named(run, home):
    """An unnamed argument goes by its step, a load of several sources by their number: no ids on the screen."""
    import provsdk

    @provsdk.traced_source(each=True, name=lambda item: item["title"])
    def search(question):
        return [{"title": title, "text": f"the text of {title}, at some length"} for title in ("first", "second")]

    @provsdk.traced_output("answer")
    def answer(question):
        search(question)
        with provsdk.traced_model_call("chat") as call:
            call.use("a prompt that nobody gave a name to")
            return call.set_result("an answer that is long enough to be linked")

    provsdk.configure()
    answer("a question that is long enough to be linked to something")
    provsdk.shutdown()

    tree = run("lineage", "@latest").stdout

    assert "argument of chat" in tree
    assert "given to a load of 2" in tree
    assert "ent_" not in tree


CHECKED = """
    import hashlib, pathlib, provsdk

    handbook = pathlib.Path("handbook.md").absolute()
    handbook.write_text("Refunds are paid within fourteen days of the request.\\n")
    stated = "sha256:" + hashlib.sha256(handbook.read_bytes()).hexdigest()

    @provsdk.traced_source(type="file", location=lambda: handbook, checksum=stated)
    def read_handbook():
        return handbook.read_text()

    @provsdk.traced_source("registry", type="external", checksum="md5:" + "0" * 32)
    def registry():
        return b"what the registry gives"

    @provsdk.traced_output("refund-answer")
    def answer():
        registry()
        return read_handbook()

    provsdk.configure()
    answer()
    provsdk.shutdown()
"""


def test_what_was_stated_of_sources_is_compared_and_they_are_fetched_again(run, home):
    (home / "program.py").write_text(textwrap.dedent(CHECKED))
    done = subprocess.run([sys.executable, "program.py"], check=True, timeout=60, capture_output=True, text=True)
    assert "source 'registry' does not have the md5 checksum" in done.stderr

    record = json.loads(command("show", "@latest", "--json"))
    found = {source["name"]: source["checksum"]["result"] for source in record["sources"]}
    assert found == {"read_handbook": "verified", "registry": "mismatch"}
    assert "code.__main__.answer" in record["environment"]
    assert "1 source without the checksum that is stated of it" in command("show", "@latest")

    check = {one["name"]: one["check"]["result"] for one in json.loads(command("sources", "--verify", "--json"))}
    assert check == {"read_handbook": "verified", "registry": "unknown"}
    (home / "handbook.md").unlink()
    assert "gone" in run("sources", "--verify", code=1).stdout
