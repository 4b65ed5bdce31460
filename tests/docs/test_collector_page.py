"""The guide to the Collector lists what differs in a record that was assembled from spans."""

import re

from docs_pages import ROOT, blocks

from provsdk.assembly.process_only import FIELDS

GUIDE = ROOT / "docs" / "guides" / "collector.md"


def test_it_has_every_word_of_the_list_and_no_other():
    section = GUIDE.read_text(encoding="utf-8").partition("## What differs")[2]
    rows = re.findall(r"^\| ([a-z ]+) \| ", section, re.MULTILINE)

    assert [row for row in rows if row != "in words"] == list(FIELDS)


def test_it_names_the_fields_that_they_mean():
    section = GUIDE.read_text(encoding="utf-8").partition("## What differs")[2]
    for words, paths in FIELDS.items():
        row = re.search(rf"^\| {words} \| (.*) \|$", section, re.MULTILINE)[1]
        assert not paths or any(path.split(".")[0] in row or path.split(".")[-1] in row for path in paths)


def test_its_program_is_run():
    assert len(blocks(GUIDE, "python")) == 1
    assert len(blocks(GUIDE, "yaml")) == 1
