"""Configuration: what beats what, where a file is found, and what an error says."""

from pathlib import Path

import pytest

from provsdk.config import KEYS, Config, load
from provsdk.errors import ConfigError
from provsdk.vocabulary import DataClassification, RetentionPeriod

HOME = {"HOME": "/home/ann"}


def refused(tmp_path, arguments=None, environ=None):
    with pytest.raises(ConfigError) as caught:
        load(arguments or {}, {**HOME, **(environ or {})}, tmp_path)
    return str(caught.value)


def test_without_any_word_everything_has_a_default(tmp_path):
    assert load({}, HOME, tmp_path) == Config(
        store=str(tmp_path / ".provsdk"),
        keys=Path("/home/ann/.local/share/provsdk/keys"),
        state=Path("/home/ann/.local/state/provsdk"),
    )


def test_the_defaults_are_those_of_the_documentation(tmp_path):
    config = load({}, HOME, tmp_path)

    assert (config.service, config.tenant, config.origin, config.owner) == (None, "default", None, {})
    assert (config.classification, config.retention) == (DataClassification.INTERNAL, None)
    assert (config.capture_content, config.durability, config.max_wait) == ("none", "sync", 2.0)
    assert (config.on_unavailable, config.on_failure, config.export_spans) == ("proceed", "ignore", "all")
    assert (config.exporters, config.queue_size, config.max_value_bytes) == ((), 10_000, 256 * 1024 * 1024)
    assert (config.propagate_threads, config.propagate_processes) == (True, True)
    assert not config.disabled


def test_arguments_beat_environment_beat_file_and_each_place_is_known(tmp_path):
    (tmp_path / "provsdk.toml").write_text('service = "file"\ntenant = "file"\ndurability = "batch"\n')
    config = load(
        {"service": "argument"}, {**HOME, "PROVSDK_SERVICE": "variable", "PROVSDK_TENANT": "variable"}, tmp_path
    )

    assert (config.service, config.tenant, config.durability) == ("argument", "variable", "batch")
    assert config.sources == {
        "service": "argument",
        "tenant": "environment variable PROVSDK_TENANT",
        "durability": f"{tmp_path / 'provsdk.toml'}, line 3",
    }


def test_an_argument_of_none_and_an_empty_variable_say_nothing(tmp_path):
    assert load({"service": None}, {**HOME, "PROVSDK_SERVICE": "  "}, tmp_path).service is None


def test_what_is_overruled_is_checked_too(tmp_path):
    assert "PROVSDK_DURABILITY" in refused(tmp_path, {"durability": "sync"}, {"PROVSDK_DURABILITY": "maybe"})


class TestFiles:
    def test_the_nearest_file_counts_and_paths_are_meant_from_it(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text('[tool.provsdk]\nstore = "data/log"\nservice = "outer"\n')
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)

        assert load({}, HOME, inner).store == str(tmp_path / "data" / "log")

        (tmp_path / "a" / "provsdk.toml").write_text('service = "inner"\n')
        assert load({}, HOME, inner).service == "inner"

    def test_a_pyproject_without_our_table_is_passed_over(self, tmp_path):
        inner = tmp_path / "a"
        inner.mkdir()
        (inner / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
        (tmp_path / "provsdk.toml").write_text('[tool.provsdk]\nservice = "outer"\n')

        assert load({}, HOME, inner).service == "outer"

    def test_provsdk_toml_comes_before_pyproject_in_one_directory(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text('[tool.provsdk]\nservice = "pyproject"\n')
        (tmp_path / "provsdk.toml").write_text('service = "own"\n')

        assert load({}, HOME, tmp_path).service == "own"

    @pytest.mark.parametrize("by", ["argument", "variable"])
    def test_a_file_can_be_named(self, tmp_path, by):
        (tmp_path / "other.toml").write_text('service = "named"\n')
        (tmp_path / "provsdk.toml").write_text("broken")
        named = ({"config": "other.toml"}, {}) if by == "argument" else ({}, {"PROVSDK_CONFIG": "other.toml"})

        assert load(named[0], {**HOME, **named[1]}, tmp_path).service == "named"

    def test_a_named_file_has_to_be_there_and_to_speak_of_us(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[tool.other]\n")

        assert refused(tmp_path, {"config": "none.toml"}) == f"{tmp_path / 'none.toml'}: there is no such file"
        assert "has no table [tool.provsdk]" in refused(tmp_path, {"config": "pyproject.toml"})

    def test_broken_toml_is_named_with_its_line(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[tool.provsdk]\nservice = \n")

        message = refused(tmp_path)
        assert str(tmp_path / "pyproject.toml") in message
        assert "line 2" in message

    def test_a_file_that_is_not_utf8_is_named_with_its_line(self, tmp_path):
        (tmp_path / "provsdk.toml").write_bytes(b'service = "a"\ntenant = "\xff"\n')

        assert refused(tmp_path) == f"{tmp_path / 'provsdk.toml'}, line 2: not UTF-8"

    def test_a_directory_in_place_of_a_file_is_an_error(self, tmp_path):
        (tmp_path / "provsdk.toml").mkdir()

        assert "cannot be read" in refused(tmp_path)

    def test_a_wrong_key_is_named_with_file_table_and_line(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.provsdk]\n# storage\nstroe = "x"\n')

        message = refused(tmp_path)
        assert message.startswith(f"stroe ({tmp_path / 'pyproject.toml'}, [tool.provsdk], line 6): no such key")
        assert "did you mean store?" in message

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[tool.provsdk]\n# max_wait\nmax_wait = false\n", 3),
            ('[tool.provsdk]\n"max_wait" = "x"\n', 2),
            ('[ tool . provsdk ] # ours\n\nmax_wait="x"\n', 3),
        ],
    )
    def test_the_line_is_found_however_the_key_is_written(self, tmp_path, text, line):
        (tmp_path / "pyproject.toml").write_text(text)

        message = refused(tmp_path)
        assert message.startswith(f"max_wait ({tmp_path / 'pyproject.toml'}, [tool.provsdk]")
        assert f", line {line}): " in message

    def test_a_key_in_a_rarer_spelling_is_named_without_a_line(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text('[tool]\nprovsdk = { max_wait = "x" }\n')

        assert refused(tmp_path).startswith(f"max_wait ({tmp_path / 'pyproject.toml'}, [tool.provsdk]): 'x'")

    def test_a_table_that_is_none_is_refused(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[tool]\nprovsdk = 1\n")

        assert "tool.provsdk is no table" in refused(tmp_path)

    def test_the_name_of_a_file_has_to_be_a_path(self, tmp_path):
        assert refused(tmp_path, {"config": 1}).startswith("config (argument): 1 is not allowed")

    def test_tables_for_owner_and_exporters(self, tmp_path):
        (tmp_path / "provsdk.toml").write_text(
            '[owner]\noutput_owner = "ann"\ndata_steward = "bob"\n\n[[exporters]]\nname = "jsonl"\npath = "out.jsonl"\n'
        )
        config = load({}, HOME, tmp_path)

        assert config.owner == {"output_owner": "ann", "data_steward": "bob"}
        assert [dict(one) for one in config.exporters] == [{"name": "jsonl", "path": "out.jsonl"}]
        assert config.sources["owner"].endswith("line 1")

    def test_keys_beside_the_table_are_refused_not_ignored(self, tmp_path):
        (tmp_path / "provsdk.toml").write_text('service = "a"\n[tool.provsdk]\ntenant = "b"\n')

        assert "service stands outside of [tool.provsdk]" in refused(tmp_path)

    def test_a_file_cannot_name_another_file(self, tmp_path):
        (tmp_path / "provsdk.toml").write_text('config = "x"\n')

        assert "no such key" in refused(tmp_path)


class TestValues:
    @pytest.mark.parametrize(
        ("key", "value", "allowed"),
        [
            ("durability", "sink", "allowed: sync, batch"),
            ("durability", 1, "allowed: sync, batch"),
            ("capture_content", "redacted", "needs a redactor"),
            ("capture_content", "some", "allowed: none, full"),
            ("on_unavailable", "wait", "allowed: proceed, block"),
            ("on_failure", "log", "allowed: ignore, raise"),
            ("export_spans", True, "allowed: all, ids, none"),
            ("max_wait", 0, "a number of seconds above 0"),
            ("max_wait", float("nan"), "a number of seconds above 0"),
            ("max_wait", float("inf"), "a number of seconds above 0"),
            ("max_wait", True, "a number of seconds above 0"),
            ("max_wait", "2", "a number of seconds above 0"),
            ("queue_size", 0, "a whole number above 0"),
            ("queue_size", 1.5, "a whole number above 0"),
            ("max_value_bytes", -1, "a whole number above 0"),
            ("classification", "secret", "allowed: public, internal, confidential, restricted, top_secret"),
            ("retention", 0, "a positive number of days"),
            ("retention", True, "a positive number of days"),
            ("retention", "forever", "allowed: ephemeral"),
            ("tenant", "", "printable text"),
            ("tenant", "a\x1b[31m", "printable text"),
            ("service", "x" * 257, "printable text"),
            ("service", 7, "printable text"),
            ("origin", "has space", "without white space"),
            ("origin", "has+plus", "without '+'"),
            ("owner", ["ann"], "agents by role"),
            ("owner", {"boss": "ann"}, "allowed: output_owner"),
            ("owner", {"output_owner": ""}, "printable text"),
            ("exporters", "jsonl", "a list of names"),
            ("exporters", [1], "names, or tables"),
            ("exporters", [{"path": "x"}], 'no "name"'),
            ("store", "postgres://ann:hunter2@db/x", "allowed: a directory, sqlite:directory"),
            ("store", "sqlite://host/x", "with a host"),
            ("store", 5, "allowed: a path"),
            ("keys", "a\0b", "allowed: a path"),
            ("config", [1], "a value of type list"),
            ("disabled", "yes", "allowed: true, false"),
        ],
    )
    def test_a_wrong_value_is_named_with_key_place_and_what_is_allowed(self, tmp_path, key, value, allowed):
        message = refused(tmp_path, {key: value})

        assert message.startswith(f"{key} (argument): ")
        assert allowed in message
        assert "hunter2" not in message

    @pytest.mark.parametrize(
        ("variable", "text", "expected"),
        [
            ("PROVSDK_MAX_WAIT", "0.5", 0.5),
            ("PROVSDK_QUEUE_SIZE", "5_000", 5000),
            ("PROVSDK_RETENTION", "180", 180),
            ("PROVSDK_RETENTION", "Long_Term", RetentionPeriod.LONG_TERM),
            ("PROVSDK_CLASSIFICATION", "RESTRICTED", DataClassification.RESTRICTED),
            ("PROVSDK_OWNER", "ann", {"output_owner": "ann"}),
            ("PROVSDK_OWNER", "output_owner=ann, data_steward=bob", {"output_owner": "ann", "data_steward": "bob"}),
            ("PROVSDK_EXPORTERS", "jsonl, other", ({"name": "jsonl"}, {"name": "other"})),
            ("PROVSDK_DISABLED", "1", True),
            ("PROVSDK_DISABLED", "Yes", True),
            ("PROVSDK_DISABLED", "off", False),
            ("PROVSDK_DURABILITY", "BATCH", "batch"),
            ("PROVSDK_PROPAGATE_THREADS", "no", False),
            ("PROVSDK_PROPAGATE_PROCESSES", "0", False),
            ("PROVSDK_STORE", "~/log", "/home/ann/log"),
            ("PROVSDK_STORE", "sqlite:///var/lib/pro%20v", "/var/lib/pro v"),
            ("PROVSDK_KEYS", "/k", Path("/k")),
        ],
    )
    def test_environment_variables_are_read_as_text(self, tmp_path, variable, text, expected):
        config = load({}, {**HOME, variable: text}, tmp_path)

        assert getattr(config, variable.removeprefix("PROVSDK_").lower()) == expected

    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("PROVSDK_DISABLED", "maybe"),
            ("PROVSDK_MAX_WAIT", "soon"),
            ("PROVSDK_QUEUE_SIZE", "1e3"),
            ("PROVSDK_OWNER", "output_owner=ann,bob"),
            ("PROVSDK_OWNER", "ouput_owner=ann"),
            ("PROVSDK_RETENTION", "-3"),
        ],
    )
    def test_a_wrong_variable_is_named(self, tmp_path, variable, text):
        assert f"(environment variable {variable})" in refused(tmp_path, environ={variable: text})

    def test_relative_paths_are_meant_from_the_start_and_a_sqlite_url_names_a_directory(self, tmp_path):
        assert load({"store": "s", "keys": Path("k")}, HOME, tmp_path).store == str(tmp_path / "s")
        assert load({"keys": Path("k")}, HOME, tmp_path).keys == tmp_path / "k"
        assert load({"store": "sqlite:s"}, HOME, tmp_path).store == str(tmp_path / "s")

    def test_a_log_can_be_named_like_a_key_of_signed_notes(self, tmp_path):
        assert load({"origin": "log.example/answers"}, HOME, tmp_path).origin == "log.example/answers"

    def test_one_owner_is_the_output_owner(self, tmp_path):
        assert load({"owner": "a=b"}, HOME, tmp_path).owner == {"output_owner": "a=b"}

    def test_what_was_given_can_change_later_without_changing_the_configuration(self, tmp_path):
        owner, exporter = {"approver": "ann"}, {"name": "jsonl"}
        config = load({"owner": owner, "exporters": [exporter]}, HOME, tmp_path)
        owner.clear()
        exporter.clear()

        assert config.owner == {"approver": "ann"}
        assert config.exporters == ({"name": "jsonl"},)


class TestNames:
    def test_an_unknown_argument_is_refused_with_the_likely_one(self, tmp_path):
        message = refused(tmp_path, {"clasification": "public"})

        assert message.startswith("clasification (argument): no such key; did you mean classification?")
        assert all(key in message for key in KEYS)

    @pytest.mark.parametrize("variable", ["PROVSDK_STOR", "PROVSDK_Store", "PROVSDK_", "PROVSDK_ANYTHING"])
    def test_an_unknown_variable_is_refused(self, tmp_path, variable):
        message = refused(tmp_path, environ={variable: "x"})

        assert message.startswith(f"{variable}: no such environment variable")
        assert "PROVSDK_STORE" in message

    def test_the_variable_that_tells_a_child_process_whose_work_it_does_is_no_setting(self, tmp_path):
        assert load({}, {**HOME, "PROVSDK_PARENT": "act_…"}, tmp_path) == load({}, HOME, tmp_path)


class TestDirectories:
    def test_the_xdg_directories_are_used_where_they_are_absolute(self, tmp_path):
        config = load({}, {**HOME, "XDG_DATA_HOME": "/data", "XDG_STATE_HOME": "relative"}, tmp_path)

        assert config.keys == Path("/data/provsdk/keys")
        assert config.state == Path("/home/ann/.local/state/provsdk")

    def test_without_a_home_the_error_says_what_to_set(self, tmp_path):
        with pytest.raises(ConfigError, match="keys, state: there is no home directory"):
            load({}, {}, tmp_path)
        assert load({"keys": "/k", "state": "/s"}, {}, tmp_path).keys == Path("/k")
        with pytest.raises(ConfigError, match="write the path in full"):
            load({"store": "~/x", "keys": "/k", "state": "/s"}, {}, tmp_path)

    def test_a_working_directory_that_is_gone_is_said_where_it_matters(self, tmp_path, monkeypatch):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()

        assert load({"store": "/s"}, HOME).store == "/s"
        with pytest.raises(ConfigError, match="working directory is gone"):
            load({}, HOME)
        with pytest.raises(ConfigError, match="working directory is gone"):
            load({"store": "relative"}, HOME)
