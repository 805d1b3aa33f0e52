"""What a benchmark hands over: rows of one table and lines for plots, as a small JSON file. perf/table.py makes the page of them."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess

FOLDER = pathlib.Path(os.environ.get("BENCH_RESULTS", pathlib.Path(__file__).resolve().parents[1] / "build" / "bench"))

# Answers a second that fill a link: an A answer with EDNS is a frame of 102 octets, and 24 more of FCS, preamble and gap.
LINE_RATES = {"10": 9.92e6, "25": 24.8e6, "100": 99.2e6}


@dataclasses.dataclass
class Row:
    id: str         # Of the goal: "T1".
    measure: str
    reference: str  # What it is measured beside, and what that gave; "–" without one.
    result: str
    ratio: float | None
    goal: str
    met: bool | None  # None: there is no goal to meet.
    means: str = "–"  # On a NIC.


@dataclasses.dataclass
class Plot:
    file: str  # In docs/.
    title: str
    x: str
    y: str
    series: dict  # Name to a list of [x, y].
    log_x: bool = False
    log_y: bool = False


def write(bench, rows, plots=()):
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = {"bench": bench, "rows": [dataclasses.asdict(row) for row in rows], "plots": [dataclasses.asdict(plot) for plot in plots],
              "machine": machine(), "revision": revision()}
    (FOLDER / f"{bench}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False))
    for row in rows:
        print(f"{row.id:4} {row.measure}: {row.result}   beside {row.reference}   goal {row.goal}"
              + ("" if row.met is None else "   met" if row.met else "   NOT met"), flush=True)


def revision():
    root = pathlib.Path(__file__).resolve().parents[1]
    return subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False).stdout.strip()


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "load_after": round(os.getloadavg()[0], 1)}


def cores_for_line_rate(per_core):
    """How many poll cores like this one fill the usual links with answers."""
    if per_core <= 0:
        return "–"
    return "cores to fill 10/25/100 GbE: " + " / ".join(f"{rate / per_core:.1f}" for rate in LINE_RATES.values())


def millions(rate):
    return f"{rate / 1e6:.2f} M/s"


def thousands(rate):
    return f"{rate / 1e3:.0f} k/s"


def spread(values):
    """The half distance between the outermost of them, as a share of the median: how far one run is to be trusted."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
