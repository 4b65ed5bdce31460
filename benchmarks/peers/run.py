"""What peers' decorators cost, and ours, each in a virtual environment of its own with the versions named here.

    python benchmarks/peers/run.py             all of them, then the table in README.md and docs, and the plot
    python benchmarks/peers/run.py langfuse    only that one, printed

Environments are made on first use in ~/.cache/provsdk-peers. Each figure is a multiple of a bare OpenTelemetry span
with 8 attributes, measured in the same process and in turns with it: absolute ones of different processes say little.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "provsdk-peers"
PAGES, PLOT = (ROOT / "docs" / "performance.md", ROOT / "README.md"), ROOT / "docs" / "peers.svg"
BEGIN, END = "<!-- peers -->", "<!-- end of peers -->"
FIGURES = ("sync, 1 KB", "async, 1 KB", "nested, 6 spans", "stream, 100 chunks", "1 MB argument", "8 threads")

REQUIREMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "provsdk": ((str(ROOT),),),
    "util-genai": (("opentelemetry-util-genai==1.3b0", "opentelemetry-sdk==1.45.2"),),
    "traceloop": (
        ("--no-deps", "traceloop-sdk==0.62.4"),  # its own requirements contradict each other
        (
            "opentelemetry-sdk<1.45",
            "opentelemetry-semantic-conventions-ai",
            "opentelemetry-exporter-otlp-proto-grpc",
            "opentelemetry-exporter-otlp-proto-http",
            *(
                f"opentelemetry-instrumentation-{one}"
                for one in ("logging", "threading", "requests", "urllib3", "sqlalchemy")
            ),
            *("pydantic", "jinja2", "deprecated", "tenacity", "colorama", "posthog", "aiohttp", "cuid", "httpx"),
        ),
    ),
    "openinference": (("openinference-instrumentation==0.1.72", "opentelemetry-sdk==1.45.2"),),
    "langfuse": (("langfuse==5.0.4",),),
    "logfire": (("logfire==5.2.0",),),
    "langsmith": (("langsmith==0.15.0", "opentelemetry-sdk==1.45.2"),),
    "mlflow": (("mlflow-tracing==3.17.2", "opentelemetry-exporter-otlp-proto-http", "sqlparse", "pyyaml"),),
    "weave": (("weave==0.54.0", "opentelemetry-sdk==1.45.2"),),
}
"""What pip is given for each, call by call."""


LABELS = {"weave": "weave, off"}
"""It is measured without its server, and so does nothing."""


def interpreter(name: str) -> Path:
    """The peer's Python, with the packages in it."""
    wanted = REQUIREMENTS[name]
    room = CACHE / re.sub(r"[^a-z0-9.=-]+", "-", f"{name}-{wanted[0][-1].rpartition('/')[2]}".lower())
    python, done = room / "bin" / "python", room / "installed"
    if not done.exists():
        venv.create(room, with_pip=True)
    if name == "provsdk" or not done.exists():
        for packages in wanted:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        done.touch()
    return python


def measured(name: str) -> dict[str, list[float]] | str:
    """Figure → [theirs, the reference], in microseconds; or what kept it from being measured."""
    try:
        command = [str(interpreter(name)), str(HERE / "measure.py"), name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True, cwd=CACHE)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", "") or str(error)
        return str(said).strip().splitlines()[-1]
    found: dict[str, list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def table(found: dict[str, dict[str, list[float]] | str]) -> str:
    """Markdown: multiples of the reference."""
    lines = ["| | " + " | ".join(FIGURES) + " | import |", "|---" * (len(FIGURES) + 2) + "|"]
    for name, figures in found.items():
        if isinstance(figures, str):
            lines.append(f"| {name} | not measured: {figures} |" + " |" * len(FIGURES))
            continue
        cells = [f"{figures[one][0] / figures[one][1]:.1f}" for one in FIGURES]
        milliseconds, megabytes = figures["import ms, MB"]
        lines.append(f"| {LABELS.get(name, name)} | {' | '.join(cells)} | {milliseconds:.0f} ms, {megabytes:.0f} MB |")
    return "\n".join(lines)


def plot(found: dict[str, dict[str, list[float]] | str]) -> str:
    """A bar for each peer's synchronous call, as SVG."""
    bars = [(name, f["sync, 1 KB"][0] / f["sync, 1 KB"][1]) for name, f in found.items() if not isinstance(f, str)]
    bars.sort(key=lambda bar: bar[1])
    widest = max(value for _, value in bars)
    height = 26 * len(bars) + 40
    rows = []
    for n, (name, value) in enumerate(bars):
        y, width = 34 + 26 * n, 420 * value / widest
        colour = "#1f6feb" if name == "provsdk" else "#8b949e"
        rows.append(
            f'<text x="112" y="{y + 14}" text-anchor="end">{LABELS.get(name, name)}</text>'
            f'<rect x="120" y="{y}" width="{width:.0f}" height="18" fill="{colour}"/>'
            f'<text x="{126 + width:.0f}" y="{y + 14}">{value:.1f}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 {height}" font-family="sans-serif" font-size="13" '
        f'role="img"><title>A traced call, as a multiple of a bare OpenTelemetry span</title>'
        f'<rect width="620" height="{height}" fill="#ffffff"/><g fill="#24292f">'
        f'<text x="8" y="20">A traced call with 1 KB in and out, in multiples of a bare OpenTelemetry span</text>'
        f"{''.join(rows)}</g></svg>\n"
    )


def write(found: dict[str, dict[str, list[float]] | str]) -> None:
    """The table and the plot into the pages that show them."""
    machine = f"{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    for page in PAGES:
        head, rest = page.read_text(encoding="utf-8").split(BEGIN)
        text = f"{BEGIN}\n\nMeasured on {machine}.\n\n{table(found)}\n\n{END}"
        page.write_text(head + text + rest.split(END)[1], encoding="utf-8")
    PLOT.write_text(plot(found), encoding="utf-8")


def main() -> int:
    """Measures, prints, and writes where all were asked for."""
    names = sys.argv[1:] or list(REQUIREMENTS)
    CACHE.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in names:
        found[name] = measured(name)
        print(name, found[name], flush=True)
    print(table(found))
    if any(isinstance(figures, str) for figures in found.values()):
        print("not all could be measured: nothing is written", file=sys.stderr)
        return 1
    if not sys.argv[1:]:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
