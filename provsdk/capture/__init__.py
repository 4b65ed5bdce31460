"""Capture: decorators and contexts that open spans, digest values and note which value came from which.

Knows `opentelemetry-api`, `wrapt` and the leaves; reaches everything else through the ports.
"""
