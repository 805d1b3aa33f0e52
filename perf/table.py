#!/usr/bin/python3
"""One table of what the benchmarks found, for the terminal and for docs/performance.md, and the plots beside it.

`table.py print NAME...` prints the rows of these benchmarks, or of all that have run; `table.py publish` also rewrites the page, between
its two markers, and the plots.
"""

import datetime
import json
import pathlib
import sys

from results import FOLDER

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- ./dev bench writes from here -->", "<!-- to here -->"
ORDER = ("T0", "T1", "T1s", "T2", "T4", "M1", "M2", "M3", "M4", "C1", "C2", "R1")
HEADS = ("id", "measure", "beside", "result", "ratio", "aim", "met", "on a NIC")


def read(names):
    files = [FOLDER / f"{name}.json" for name in names] or sorted(FOLDER.glob("*.json"))
    records = [json.loads(file.read_text()) for file in files if file.exists()]
    return sorted((record for record in records if record["rows"]), key=lambda record: place_of(record["rows"][0]["id"]))


def place_of(row_id):
    return ORDER.index(row_id) if row_id in ORDER else len(ORDER)


def cells_of(row):
    met = {True: "yes", False: "**no**", None: "–"}[row["met"]]
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return (row["id"], row["measure"], row["reference"], row["result"], ratio, row["goal"], met, row["means"])


def as_text(rows):
    table = [HEADS, *map(cells_of, rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table).replace("**no**", "NO    ")


def as_markdown(rows):
    lines = [HEADS, ["---"] * len(HEADS), *map(cells_of, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def draw(plot):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams["svg.hashsalt"] = "dotline"  # The same figures make the same file.
    figure, axes = pyplot.subplots(figsize=(8.5, 4))
    for name, points in plot["series"].items():
        ours = name.startswith("dotline")
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=name, linewidth=2.5 if ours else 1.2,
                  linestyle="--" if name == "aim" else "-")
    axes.set(title=plot["title"], xlabel=plot["x"], ylabel=plot["y"])
    if plot["log_x"]:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
    if plot["log_y"]:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.tight_layout()
    figure.savefig(PAGE.parent / plot["file"], metadata={"Date": None})
    pyplot.close(figure)


def revisions_of(records):
    """Benchmarks may have been run at different times: "revision 1234567 (hit, latency), revision 89abcde (misses)"."""
    benches = {}
    for record in records:
        benches.setdefault(record["revision"], []).append(record["bench"])
    if len(benches) == 1:
        return f"revision {next(iter(benches))}"
    return ", ".join(f"revision {revision} ({', '.join(names)})" for revision, names in benches.items())


def page_of(records):
    machine = records[-1]["machine"]
    rows = [row for record in records for row in record["rows"]]
    plots = [plot for record in records for plot in record["plots"]]
    busiest = max(record["machine"]["load_after"] for record in records)
    return "\n".join([
        BEGIN, "",
        f"{datetime.date.today().isoformat()}, {revisions_of(records)}; {machine['cpus']} CPUs, {machine['cpu']}, Linux {machine['kernel']}; load average"
        f" {busiest} at most. Medians.", "",
        as_markdown(rows), "",
        "An A answer with EDNS is a frame of 102 octets: 9.92, 24.8 and 99.2 million a second fill a link of 10, 25 and 100 Gbit/s. The last column"
        " divides those by what one core did here. T0 leaves out what a NIC's driver costs, and T1 what a link costs.", "",
        *[f"![{plot['title']}]({plot['file']})\n" for plot in plots],
        END])


def publish(records):
    for record in records:
        for plot in record["plots"]:
            draw(plot)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"{PAGE} has lost its markers: {BEGIN} and {END}")
    PAGE.write_text(before + page_of(records) + after)
    print(f"\n{PAGE.relative_to(ROOT)} and its plots are written.")


def main(command, *names):
    records = read(names)
    if not records:
        sys.exit("No benchmark has left a result.")
    print("\n" + as_text([row for record in records for row in record["rows"]]))
    if command == "publish":
        publish(records)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
