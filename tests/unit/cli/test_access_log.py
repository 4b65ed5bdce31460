"""Lines of access logs are read as nginx, gunicorn, hypercorn, Traefik, Envoy and uvicorn wrote them."""

from datetime import UTC, datetime

import pytest

from provsdk.cli.access_log import access_fields, is_logged, lacks_time

NGINX = (
    '127.0.0.1 - - [26/Nov/2026:14:43:39 +0000] "GET /ask?q=a%20b HTTP/1.1" 200 2 "http://e/" "Mozilla/5 \\x22x\\x22"'
)
HYPERCORN = (
    "[2026-11-26 14:42:12 +0000] [9993] [INFO] 127.0.0.1:49258 - - [26/Nov/2026:14:43:39 +0000] "
    '"GET /ask 1.1" 200 2 "http://e/" "Mozilla/5 "x""'
)
TRAEFIK = (
    '192.0.2.1 - ana [26/Nov/2026:15:43:39 +0100] "GET /ask HTTP/1.1" 200 2 "-" "-" 17 "web@docker" '
    '"http://192.0.2.3:80" 3ms'
)
SYSLOG = f"<190>Nov 26 14:43:39 host nginx: {NGINX}"
ENVOY = '[2026-11-26T14:43:39.000Z] "GET /ask HTTP/2" 200 - 0 2 4 3 "-" "curl/8" "3e8f…" "example.org" "192.0.2.3:80"'
UVICORN = '{} INFO:     127.0.0.1:36584 - "GET /ask HTTP/1.1" 200 OK'
UVICORN_WITHOUT_TIMES = 'INFO:     127.0.0.1:42844 - "GET /ask?q=a%20b HTTP/1.1" 200 OK'
GUNICORN_WITH_WORKERS_OF_UVICORN = '127.0.0.1:49088 - "GET /ask?q=a%20b HTTP/1.1" 200'
AT = datetime(2026, 11, 26, 14, 43, 39, tzinfo=UTC)


@pytest.mark.parametrize("line", [NGINX, HYPERCORN, TRAEFIK, SYSLOG, f"web-1  | {NGINX}"])
def test_the_common_and_the_combined_format_are_found_behind_what_a_logger_puts_before_them(line):
    fields = access_fields(line)

    assert fields["time"] == AT
    assert fields["request"].startswith("GET /ask")
    assert fields["status"] == "200"


def test_fields_go_by_name_and_beyond_the_ninth_by_number():
    fields = access_fields(TRAEFIK)

    assert (fields["host"], fields["user"], fields["user_agent"]) == ("192.0.2.1", "ana", "-")
    assert (fields["10"], fields["11"]) == ("17", "web@docker")


def test_the_host_of_a_line_with_a_prefix_is_not_taken_from_the_prefix():
    assert access_fields(HYPERCORN)["host"] == "127.0.0.1:49258"


def test_a_request_that_was_no_request_is_a_line_too():
    assert access_fields('192.0.2.1 - - [26/Nov/2026:14:43:39 +0000] "" 400 0 "-" "-"')["time"] == AT


def test_a_user_who_calls_himself_a_time_moves_no_line():
    line = NGINX.replace("- -", "- ana [10/Oct/2000:13:55:36 -0700]")

    assert access_fields(line)["time"] == AT


@pytest.mark.parametrize(
    "line",
    [
        ENVOY,
        *map(
            UVICORN.format,
            [
                "2026-11-26 14:43:39,000",
                "2026-11-26T14:43:39.000000000Z",
                "2026-11-26T15:43:39+0100",
                "[2026-11-26 15:43:39 +0100]",
            ],
        ),
    ],
)
def test_a_line_that_begins_with_a_time_and_holds_a_request_is_read(line):
    fields = access_fields(line)

    assert fields["time"] == AT
    assert fields["request"].startswith("GET /ask HTTP/")
    assert fields["status"] == "200"


@pytest.mark.parametrize("line", [UVICORN_WITHOUT_TIMES, GUNICORN_WITH_WORKERS_OF_UVICORN])
def test_a_line_without_a_time_is_known_as_such(line):
    assert access_fields(line) is None
    assert lacks_time(line)


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     Will watch for changes in these directories: ['/srv', '/app']",
        "[2026-11-26 14:42:03 +0000] [9993] [INFO] Running on http://127.0.0.1:9103 (CTRL + C to quit)",
        "2026-11-26 14:42:09,409 INFO:     Started server process [9988]",
    ],
)
def test_a_message_of_the_servers_own_is_none_of_its_lines_and_no_line_of_names(line):
    assert access_fields(line) is None
    assert not lacks_time(line)
    assert is_logged(line)


@pytest.mark.parametrize(
    "line",
    ["", NGINX.replace("26/Nov", "99/Nov"), NGINX.replace("+0000", "+9900"), UVICORN.format("2026-13-26 14:43:39")],
)
def test_a_time_that_is_none_makes_no_line(line):
    assert access_fields(line) is None
    assert not lacks_time(line)
