"""An application whose provider Phoenix or Langfuse makes; run by `test_their_provider.py` in a process.

Arguments: the sink's URL, whose provider (`phoenix`, `phoenix apart` for one that is not the global one, `langfuse`),
and who is set up first (`they`, `we`, or `nobody` of us).
"""

import sys

from opentelemetry import trace

import provsdk
from provsdk import traced_output

SINK, WHOSE, FIRST = sys.argv[1:]


def set_up_theirs():
    if WHOSE == "langfuse":
        from langfuse import Langfuse

        Langfuse(public_key="pk", secret_key="sk", base_url=SINK, should_export_span=lambda span: True)
        return trace.get_tracer_provider()
    from phoenix.otel import register

    return register(
        endpoint=f"{SINK}/phoenix/v1/traces",
        protocol="http/protobuf",
        set_global_tracer_provider=WHOSE == "phoenix",
        verbose=False,
    )


def main():
    if FIRST == "we":
        provsdk.configure()
    provider = set_up_theirs()
    if FIRST == "they":
        provsdk.configure()
    tracer = provider.get_tracer("app")

    @traced_output("ours-answer")
    def answer():
        with tracer.start_as_current_span("inside"):
            tracer.start_span("leaf").end()

    answer()
    with tracer.start_as_current_span("request"):
        answer()
    provsdk.shutdown()
    tracer.start_span("after us").end()
    provider.force_flush()


main()
