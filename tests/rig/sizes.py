"""How long functions and files are, and how full folders: of the tree as it is, or of revisions beside each other.

    ./dev sizes [REVISION...]

A function is what clang-format leaves recognizable: a line that ends with "{" after a ")", a qualifier or an initializer, and the
"}" at its indentation. Its length counts lines from its name to that brace.
"""

import collections
import pathlib
import posixpath
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = ("dataplane", "tls-workers", "control")
SOURCE = re.compile(r"\.(h|cc|inc|c)$")
OPENS = re.compile(r"^( *)(?!namespace|struct|class|enum|union|if|for|while|switch|else|do|try|extern|return|case|template)"
                   r"[\w\[~:<].*?(\)( const| noexcept| override| final)*( -> [\w:<>, ]+)?|[})]) \{$")
CONTINUES = re.compile(r"^ +.*\)( const| noexcept| override)*( -> [\w:<>, ]+)? \{$")


def files_of(revision):
    """{path: text} of the product."""
    if revision is None:
        return {path.relative_to(ROOT).as_posix(): path.read_text() for folder in PRODUCT for path in (ROOT / folder).rglob("*")
                if SOURCE.search(path.name)}
    names = subprocess.run(["git", "ls-tree", "-r", "--name-only", revision, *PRODUCT], cwd=ROOT, check=True, capture_output=True,
                           text=True).stdout.split()
    return {name: subprocess.run(["git", "show", f"{revision}:{name}"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
            for name in names if SOURCE.search(name)}


def functions_of(text):
    """Lengths in lines."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        opening = OPENS.match(lines[number])
        first = number
        if not opening and CONTINUES.match(lines[number]):  # Its parameters take several lines; its name stands where those begin.
            while first > 0 and len(lines[first]) - len(lines[first].lstrip()) > 3:
                first -= 1
            opening = re.match(r"^( *)[\w\[~]", lines[first])
            if opening and re.match(r" *(if|for|while|switch|else|return|namespace|struct|class|enum)\b", lines[first]):
                opening = None
        if opening:
            end = next((i for i in range(number + 1, len(lines)) if re.match(rf"^{opening.group(1)}\}}", lines[i])), None)
            if end is not None:
                yield end - first + 1
                number = end
        number += 1


def row(revision):
    files = files_of(revision)
    lengths = sorted(length for text in files.values() for length in functions_of(text))
    lines = sorted(text.count("\n") for text in files.values())
    rooms = collections.Counter(posixpath.dirname(path) for path in files)
    room, fullest = rooms.most_common(1)[0]
    return [revision or "now", len(lengths), f"{statistics.median(lengths):.0f}", lengths[len(lengths) * 9 // 10], lengths[-1],
            len(files), f"{statistics.median(lines):.0f}", lines[-1], sum(lines), len(rooms), f"{fullest} ({room})"]


def main():
    print("| revision | functions | median | p90 | longest | files | median lines | longest file | lines | folders | fullest |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for revision in [*sys.argv[1:], None]:
        print("| " + " | ".join(map(str, row(revision))) + " |")


if __name__ == "__main__":
    main()
