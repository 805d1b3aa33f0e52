"""The status page in a real browser: it shows what is so, follows what happens, and lets nobody put anything into it."""

import contextlib
import pathlib
import re

import pytest

from rig.browser import Browser
from rig.client import query
from rig.forwarder import METRICS_PORT, backend, configuration
from rig.namespaces import RESOLVER, RESOLVER_B
from rig.waiting import wait_until

PAGE = f"http://127.0.0.1:{METRICS_PORT}/"
SOURCES = pathlib.Path(__file__).resolve().parents[2] / "control" / "page"
PHONE = 360  # Pixels.
ENOUGH = 4.5  # Contrast of text: WCAG 2.1, 1.4.3.
PATIENCE = 60
MARKUP = "<img/src=x/onerror=document.title=1>"  # A name that a backend may have.
HOSTILE = "<b>bold</b>.example"

CONTRASTS = """
[...document.querySelectorAll('h1, h2, p, li, dt, dd, th, td, td span, a')].filter((node) => node.innerText).map((node) => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => numbers(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  let ground = node;
  while (numbers(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const colours = [getComputedStyle(node).color, getComputedStyle(ground).backgroundColor];
  const [dark, light] = colours.map(luminance).sort((a, b) => a - b);
  return [(light + 0.05) / (dark + 0.05), node.innerText];
}).sort((a, b) => a[0] - b[0])[0]"""


@pytest.fixture(scope="module")
def resolvers(rig):
    with (rig.unbound(address=RESOLVER, address6=None, label="first") as first,
          rig.unbound(address=RESOLVER_B, address6=None, label="second") as second):
        yield first, second


@pytest.fixture(scope="module")
def dotline(rig, resolvers):
    settings = [backend(resolver, rig.authority, health_checks={"mode": "auto", "timeout": 500}) for resolver in resolvers]
    with rig.dotline(configuration(settings)) as dotline:
        for number in range(20):
            rig.client.ask(query(f"shown{number % 10}.bulk.example"))
        yield dotline


@contextlib.contextmanager
def watched(rig):
    """A browser. Whatever is done with it, the page has nothing to complain of, and asks nobody but dotline."""
    with Browser(rig.topology, rig.topology.forwarder) as browser:
        yield browser
        assert browser.complaints == []
        assert browser.asked_for and all(address.startswith(PAGE) for address in browser.asked_for)


@pytest.fixture
def browser(rig):
    with watched(rig) as browser:
        yield browser


def wait_for(browser, selector, text):
    wait_until(lambda: text in (browser.text(selector) or ""), f"{text!r} in {selector}", timeout=PATIENCE)


def row(browser, name):
    """The text of a resolver's row."""
    rows = browser.evaluate("[...document.querySelectorAll('#backends tbody tr')].map((row) => row.innerText)")
    return next((text for text in rows if text.startswith(name)), "")


def opened(browser):
    browser.open(PAGE)
    wait_for(browser, "#headline", "Healthy")
    return browser


def test_it_shows_what_is_so(dotline, browser):
    opened(browser)
    for address in (RESOLVER, RESOLVER_B):
        text = row(browser, f"at-{address}")
        assert "in rotation" in text and f"{address}:853, DoT, as " in text and "ok" in text
    assert browser.text("#troubles") == ""
    assert "main" in browser.text("#caches") and "leastOutstanding" in browser.text("#pools")
    assert "af_xdp:front0" in browser.text("#ports") and "up" in browser.text("#ports")
    wait_for(browser, "#cores tbody", "%")
    assert str(dotline.settings_file) in browser.text("#about")


def test_it_counts_what_happens(rig, dotline, browser):
    opened(browser)
    questions = rig.topology.directory / "questions-page"
    questions.write_text("".join(f"page{number}.bulk.example A\n" for number in range(50)))
    with rig.client.start_dnsperf(questions, seconds=100, rate=200):
        def figures():
            parts = browser.evaluate(
                "[...document.querySelectorAll('#figures > div')].map((part) => part.innerText.split('\\n'))")
            return {name: text for name, text, *_ in parts}
        wait_until(lambda: re.match(r"1\d\d|2\d\d", figures()["Queries/s"]), "two hundred queries a second", timeout=PATIENCE)
        wait_until(lambda: figures()["From the cache"].startswith("100"), "all of them from the cache", timeout=PATIENCE)
        assert "s" in figures()["Reply, p50"] and "s" in figures()["Reply, p99"]
    wait_until(lambda: figures()["Queries/s"] == "0", "none when it is over", timeout=PATIENCE)


def test_it_follows_a_resolver_that_dies_and_comes_back(dotline, resolvers, browser):
    opened(browser)
    name = f"at-{RESOLVER}"
    resolvers[0].kill()
    wait_for(browser, "#troubles", f"out of rotation: {name}")
    assert browser.text("#headline") == "Answering, with trouble"
    text = row(browser, name)
    assert "out of rotation" in text and "connect" in text, text
    assert "in rotation" in row(browser, f"at-{RESOLVER_B}")
    resolvers[0].start()
    wait_for(browser, "#headline", "Healthy")
    assert "in rotation" in row(browser, name)


def test_it_shows_what_the_operator_said(dotline, browser):
    opened(browser)
    name = f"at-{RESOLVER}"
    dotline.command("backend", "down", name)
    wait_until(lambda: "taken out" in row(browser, name) and "by the operator" in row(browser, name), "the resolver taken out",
               timeout=PATIENCE)
    wait_for(browser, "#troubles", f"held down by the operator: {name}")
    dotline.command("backend", "auto", name)
    wait_until(lambda: "in rotation" in row(browser, name), "the resolver in rotation", timeout=PATIENCE)


def test_it_says_when_dotline_is_gone_and_back(other_rig):
    rig = other_rig
    with (rig.unbound() as resolver,
          rig.dotline(configuration([backend(resolver, rig.authority, health_checks={"mode": "auto"})])) as dotline,
          Browser(rig.topology, rig.topology.forwarder) as browser):
        opened(browser)
        dotline.terminate()
        wait_for(browser, "#headline", "No answer from dotline since ")
        wait_for(browser, "#about", "It has been silent for ")
        assert f"at-{RESOLVER}" in browser.text("#backends"), "what was known is still there to be read"
        dotline.start()
        wait_for(browser, "#headline", "Healthy")


def test_names_and_words_from_outside_stay_text(other_rig):
    rig = other_rig
    impostor = rig.authority.issue("hostile", names=[HOSTILE])
    with rig.scripted_resolver(certificate=impostor, address=RESOLVER_B) as resolver:
        checks = {"mode": "auto", "timeout": 500}
        settings = configuration([backend(resolver, rig.authority, name=MARKUP, health_checks=checks)])
        with rig.dotline(settings), watched(rig) as browser:
            browser.open(PAGE)
            wait_until(lambda: HOSTILE in row(browser, MARKUP), "the refused certificate and its name", timeout=PATIENCE)
            wait_for(browser, "#headline", "Not healthy")
            wait_for(browser, "#pools", MARKUP)
            assert browser.evaluate("document.querySelectorAll('img, b, script:not([src])').length") == 0
            assert browser.evaluate("document.title").endswith("dotline")


def test_a_page_that_took_our_address_learns_nothing(rig, dotline):
    with Browser(rig.topology, rig.topology.forwarder, names={"evil.example": "127.0.0.1"}) as browser:
        browser.open(f"http://evil.example:{METRICS_PORT}/api/status")
        wait_for(browser, "body", "Misdirected Request")
        assert "backends" not in browser.text("body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(dotline, browser, scheme):
    browser.prefer(scheme)
    browser.resize(1280, 800)
    opened(browser)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 1280
    contrast, text = browser.evaluate(CONTRASTS)
    assert contrast >= ENOUGH, text
    browser.resize(PHONE, 640, phone=True)
    wait_until(lambda: browser.evaluate("document.documentElement.scrollWidth") <= PHONE, "a page as wide as a phone")
    assert browser.evaluate("getComputedStyle(document.querySelector('#backends td'), '::after').content") == '"State"'


def test_it_can_be_heard(dotline, browser):
    opened(browser)
    assert browser.evaluate("document.documentElement.lang") == "en"
    assert browser.evaluate("document.querySelector('#headline').role") == "status"
    assert browser.evaluate("[...document.querySelectorAll('thead th')].every("
                            "(cell) => cell.scope === 'col' && cell.innerText)")
    assert browser.evaluate("[...document.querySelectorAll('tbody th')].every((cell) => cell.scope === 'row')")
    assert browser.evaluate("[...document.querySelectorAll('table')].every((table) => document.getElementById("
                            "table.getAttribute('aria-labelledby')).innerText && table.role === 'table')")


def test_nothing_is_ever_made_of_markup():
    script = (SOURCES / "page.js").read_text()
    assert not re.search(r"(inner|outer|set|insertAdjacent)HTML|document\.write|\beval\b|Function\(|DOMParser", script)
    for source in SOURCES.glob("*.*"):
        elsewhere = set(re.findall(r"https?://[\w./-]+", source.read_text())) - {"http://www.w3.org/2000/svg"}
        assert not elsewhere, source
