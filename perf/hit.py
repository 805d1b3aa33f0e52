#!/usr/bin/python3
"""T0: runs perf/hit_bench five times over and hands over the medians. Argument: the program."""

import json
import re
import statistics
import sys
import tempfile

from results import LINE_RATES, Plot, Row, cores_for_line_rate, millions, write
from undisturbed import output_of

RUNS = 5
TIMEOUT = 300
GOALS = {4096: 50, 100_000: 60, 1_000_000: 85, 4_000_000: 100}


def run(program):
    """(how names are drawn, names) to cycles of a hit, over all runs; and TSC cycles a second."""
    cycles = {}
    for number in range(RUNS):
        print(f"run {number + 1} of {RUNS}", flush=True)
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            printed, code = output_of([program, f"--benchmark_out={out.name}", "--benchmark_out_format=json"], timeout=TIMEOUT)
            print(printed, flush=True)
            if code != 0:
                sys.exit(f"{program}: exit {code}")
            results = json.load(out)
        for result in results["benchmarks"]:
            case = re.match(r"hit/(\w+)/(\d+)", result["name"])
            if case and "cycles/hit" in result:
                cycles.setdefault((case[1], int(case[2])), []).append(result["cycles/hit"])
    return {case: statistics.median(values) for case, values in cycles.items()}, results["context"]["mhz_per_cpu"] * 1e6


def row_of(case, cycles, general, hertz):
    drawn, names = case
    goal = GOALS[names]
    return Row("T0", f"TSC cycles of a hit, {names:,} names, {drawn}", f"slow path, 4,096 names: {general:.0f}", f"{cycles:.0f}", cycles / general,
               f"≤ {goal}", cycles <= goal, cores_for_line_rate(hertz / cycles))


def line_rate_row(cycles, hertz):
    """10 GbE is full at that many answers, and four million names are more than most resolvers see in a day."""
    rate = hertz / cycles[("uniform", 4_000_000)]
    return Row("T1", "answers a second of one core, 4,000,000 names, in process, making the frames not counted", "–", millions(rate), None, f"≥ {millions(LINE_RATES['10'])}",
               rate >= LINE_RATES["10"], cores_for_line_rate(rate))


def main(program):
    cycles, hertz = run(program)
    if not cycles:
        sys.exit("hit_bench reported no cycles/hit.")
    general = cycles.pop(("general", 4096))
    series = {}
    for (drawn, names), value in sorted(cycles.items()):
        series.setdefault(drawn, []).append([names, value])
    series["aim"] = [list(goal) for goal in GOALS.items()]
    plot = Plot("cycles-against-names.svg", "What an answer from the cache costs a poll core, without a NIC", "names asked for", "TSC cycles",
                series, log_x=True)
    write("hit", [row_of(case, value, general, hertz) for case, value in sorted(cycles.items())] + [line_rate_row(cycles, hertz)], [plot])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
