#!/usr/bin/python3
"""C2: hands over what perf/hit_ratio_bench found. Argument: the program. Draws and sizes are fixed, only the hash's secret differs from run to
run, so one run tells."""

import json
import sys

from results import Row, write
from undisturbed import output_of


def main(program):
    printed, code = output_of([program], timeout=600, urgent=False)
    if code != 0:
        sys.exit(f"{program}: exit {code}\n{printed}")
    found = json.loads(printed)
    ratio = found["dotline"] / found["lru"]
    write("hit_ratio", [Row("C2", "hit ratio, Zipf(0.9), four times as many names as entries", f"LRU: {found['lru']:.3f}", f"{found['dotline']:.3f}",
                            ratio, "≥ 1.00 of LRU", ratio >= 1.0)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
