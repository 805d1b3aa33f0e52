"""Adds up what the tests of both runners said, and says it in one line: `N passed, N failed`.

Arguments: meson's test log directory, then JUnit files. Exits 0 only if something ran and nothing failed. A test program that
crashed, hung or leaked has no failing case in its JUnit file, so meson's own verdict on each program is counted as well.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree

_GOOD_VERDICTS = ("OK", "EXPECTEDFAIL", "SKIP")


def count_cases(junit_file):
    """(number passed, names of the failed) of one JUnit file. A file that is missing or broken is one failure."""
    try:
        suites = xml.etree.ElementTree.parse(junit_file).findall(".//testsuite")
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        return 0, [f"{junit_file}: {error}"]
    passed, failed = 0, []
    for suite in suites:
        for case in suite.findall("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(f"{suite.get('name')}.{case.get('name')}")
            elif case.find("skipped") is None:
                passed += 1
    return passed, failed


def other_bad_programs(meson_logs, failed):
    """Test programs that meson calls failed although no case of theirs is among the failed."""
    log = meson_logs / "testlog.json"
    verdicts = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    bad = [(verdict["name"].split(" / ")[-1], verdict["result"]) for verdict in verdicts
           if verdict["result"] not in _GOOD_VERDICTS]
    return [f"{program} ({result})" for program, result in bad
            if not any(f".{program}." in f"{name}." for name in failed)]


def main(arguments):
    meson_logs, *junit_files = map(pathlib.Path, arguments)
    passed, failed = 0, []
    print("\nSummary")
    for junit_file in junit_files:
        good, bad = count_cases(junit_file)
        if junit_file.parent == meson_logs:
            bad += other_bad_programs(meson_logs, bad)
        print(f"  {junit_file.name}: {good} passed, {len(bad)} failed")
        passed, failed = passed + good, failed + bad
    for name in failed:
        print(f"  FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    return 0 if passed > 0 and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
