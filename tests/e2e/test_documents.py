"""The documents hold together: each link leads somewhere, so does each document that code or an alert names, each file of the
tree that a document names is there, and a reader finds each page. Needs no build.
"""

import collections
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["dataplane", "tls-workers", "control", "tests", "perf", "docs", ".ci"]
TEXT = {"", ".md", ".py", ".h", ".cc", ".inc", ".c", ".in", ".1", ".yml", ".yaml", ".json", ".js", ".html", ".build", ".txt"}

FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
NAMED_DOCUMENT = re.compile(r"(?<![\w/])docs/[\w./-]*\w(?:#[\w-]+)?")
NAMED_SOURCE = re.compile(r"(?<![\w/.-])(?:dataplane|tls-workers|control|perf|tests|docs)/[\w./-]*\w")
NAMED_TEST = re.compile(r"(?<![\w/])[\w/]*\w_test\.(?:cc|py)\b|\btest_\w+\.py\b")


def files():
    yield from (file for file in ROOT.iterdir() if file.is_file())
    for folder in FOLDERS:
        yield from (file for file in (ROOT / folder).rglob("*") if file.is_file() and "__pycache__" not in file.parts)


DOCUMENTS = sorted(file for file in files() if file.suffix == ".md")
PAGES = sorted((ROOT / "docs").glob("*.md"))
# A decision tells of the tree as it was that day.
OF_TODAY = [file for file in DOCUMENTS if file.parent.name != "decisions" and file.name != "CHANGELOG.md"]


def name(file):
    return str(file.relative_to(ROOT))


def anchors(text):
    """What GitHub calls the headings: lower case, spaces are dashes, and other signs are left out. The second of a kind has a number."""
    seen = collections.Counter()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


def links(text):
    return [link for link in LINK.findall(CODE.sub("``", FENCE.sub("", text))) if "://" not in link]


def leads_somewhere(link, file):
    path, _, anchor = link.partition("#")
    target = (file.parent / path) if path else file
    if not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target.read_text()))


def test_links_and_anchors_are_told_from_other_text():
    text = "# A *b*: `c[].d`\n[x](y.md#z) `[no](link)` [of](https://elsewhere)\n```\n# no heading\n```\n## E\n## E\n"
    assert list(anchors(text)) == ["a-b-cd", "e", "e-1"]
    assert links(text) == ["y.md#z"]
    assert leads_somewhere("README.md", ROOT / "CHANGELOG.md") and leads_somewhere("README.md#folders", ROOT / "CHANGELOG.md")
    assert not leads_somewhere("README.md#no-such-heading", ROOT / "CHANGELOG.md")
    assert not leads_somewhere("NOTHING.md", ROOT / "CHANGELOG.md")


@pytest.mark.parametrize("file", DOCUMENTS, ids=name)
def test_each_link_leads_somewhere(file):
    assert [link for link in links(file.read_text()) if not leads_somewhere(link, file)] == []


def test_each_document_that_is_named_is_there():
    """In code, alerts, tests and the manual page: docs/PAGE.md, with a heading or without; a decision by its number alone."""
    lost = []
    for file in files():
        if file.suffix not in TEXT or file == pathlib.Path(__file__):
            continue
        for named in NAMED_DOCUMENT.findall(file.read_text(errors="replace")):
            path, _, anchor = named.partition("#")
            decision = path.startswith("docs/decisions/") and any(ROOT.glob(f"{path}*"))
            if not decision and not leads_somewhere(named, ROOT / "README.md"):
                lost.append((name(file), named))
    assert lost == []


def is_in_the_tree(named):
    """A file, a folder, a program by the name of its source, or a test without the `tests/` before it."""
    return (ROOT / named).exists() or (ROOT / f"{named}.cc").exists() or (ROOT / "tests" / named).exists()


@pytest.mark.parametrize("file", OF_TODAY, ids=name)
def test_each_source_that_a_document_names_is_there(file):
    text = file.read_text()
    assert [named for named in NAMED_SOURCE.findall(text) if not is_in_the_tree(named)] == []
    tests = [f"/{name(test)}" for test in (ROOT / "tests").rglob("*") if test.suffix in {".cc", ".py"}]
    assert [named for named in NAMED_TEST.findall(text) if not any(test.endswith(f"/{named}") for test in tests)] == []


def test_the_readme_lists_every_page():
    listed = {link.partition("#")[0] for link in links((ROOT / "README.md").read_text())}
    assert {name(page) for page in PAGES} <= listed


def test_pages_that_are_installed_link_to_no_page_that_is_not():
    installed = set(re.findall(r"'\.\./docs/([\w-]+\.md)'", (ROOT / "control" / "meson.build").read_text()))
    assert installed
    lost = {(page, link) for page in installed for link in links((ROOT / "docs" / page).read_text())
            if re.fullmatch(r"[\w-]+\.md(#.*)?", link) and link.partition("#")[0] not in installed}
    assert lost == set()
