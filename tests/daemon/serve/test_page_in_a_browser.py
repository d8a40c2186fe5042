"""The page in a real browser, on a repository that a learner made: published, refused, quarantined, hostile labels.

Looked at by axe-core on a phone and a desktop, in light and dark; keyboard, refresh, and that nothing is asked of
another host.
"""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.servers.missing import unavailable
from tests.support.page_mill import HOSTILE, TAGS, PageMill
from tests.support.serving import Serving

pytestmark = pytest.mark.long
SIZES = {"phone": (360, 740), "desktop": (1280, 900)}


@pytest.fixture(scope="module")
def mill():
    folder = Path(tempfile.mkdtemp(prefix="tidemill-page-"))
    one = PageMill(folder)
    try:
        for _ in range(4):
            one.feed()
        one.feed(poisoned=True)
        one.feed(poisoned=True)
        yield one
    finally:
        one.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def url(mill):
    one = Serving(mill.models)
    try:
        yield one.url
    finally:
        one.stop()


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        unavailable("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        # root has no sandbox; the page is our own
        one = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield one
        one.close()


class Tab:
    """A page, and all that it said and asked for."""

    def __init__(self, browser, url, size="desktop", scheme="light", **more):
        width, height = SIZES[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce", **more
        )
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url, wait_until="load")

    def violations(self):
        found = Axe().run(self.page).response["violations"]
        return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


@pytest.fixture
def tab(browser, url):
    tabs = []

    def make(path="/", **how):
        tabs.append(Tab(browser, url + path, **how))
        return tabs[-1]

    yield make
    for one in tabs:
        one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_it_can_be_read_by_everybody(tab, url, size, scheme):
    one = tab(size=size, scheme=scheme)
    one.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert one.violations() == []
    assert one.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert one.said == []
    assert {urlsplit(address).netloc for address in one.asked} == {urlsplit(url).netloc}
    background = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) > 380) == (scheme == "light")


def test_what_a_producer_sent_is_shown_as_text(tab):
    one = tab()
    said = one.page.inner_text("main")
    assert TAGS in said
    assert HOSTILE in said
    assert one.page.evaluate("document.querySelectorAll('img, main script, iframe').length") == 0


def test_the_pictures_of_the_quarantine_are_there(tab):
    one = tab()
    assert one.page.locator("ul.sheet li").count() == 24
    shown = one.page.evaluate(
        "fetch(document.querySelector('ul.sheet image').getAttribute('href')).then(a => a.blob())"
        ".then(createImageBitmap).then(b => [b.width, b.height])"
    )
    assert shown == [6 * 96, 4 * 96]
    assert one.said == []


def test_everything_can_be_reached_with_the_keyboard_in_the_order_in_which_it_stands(tab):
    one = tab(size="phone")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.className") == "skip"
    one.page.keyboard.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(60):
        one.page.keyboard.press("Tab")
        place = one.page.evaluate(
            "(() => { const e = document.activeElement; if (e === document.body) return null;"
            " const style = getComputedStyle(e); return [e.id || e.textContent.slice(0, 20),"
            " e.getBoundingClientRect().top + scrollY, style.outlineStyle]; })()"
        )
        if place is None:
            break
        reached.append(place)
    assert "rounds-scroll" in [name for name, _, _ in reached]
    assert [top for _, top, _ in reached] == sorted(top for _, top, _ in reached)
    assert all(outline != "none" for _, _, outline in reached), reached


def test_a_new_version_comes_without_losing_the_place(tab, mill):
    one = tab(size="phone")
    before = one.page.evaluate("document.getElementById('main').dataset.version")
    one.page.evaluate("document.getElementById('figures').open = true")
    one.page.focus("#rounds-scroll")
    one.page.evaluate("document.getElementById('rounds-scroll').scrollLeft = 40; scrollTo(0, 900)")
    mill.feed()
    # asked from outside: the policy lets nobody evaluate text within the page, a test neither
    for _ in range(200):
        if one.page.evaluate("document.getElementById('main').dataset.version") != before:
            break
        one.page.wait_for_timeout(100)
    kept = "[document.activeElement.id, document.activeElement.scrollLeft, document.getElementById('figures').open]"
    assert one.page.evaluate(kept) == ["rounds-scroll", 40, True]
    assert abs(one.page.evaluate("scrollY") - 900) < 5
    assert one.page.inner_text("#news") == f"Version {int(before) + 1} is champion now."
    assert one.said == []


def test_updates_can_be_paused(tab):
    one = tab()
    one.page.click("#pause")
    assert one.page.get_attribute("#pause", "aria-pressed") == "true"
    asked = len(one.asked)
    one.page.wait_for_timeout(5_500)
    assert len(one.asked) == asked
    one.page.click("#pause")
    one.page.wait_for_timeout(500)
    assert len(one.asked) == asked + 1


def test_without_scripts_all_of_it_is_there(tab):
    one = tab(java_script_enabled=False)
    assert "Champion: version" in one.page.inner_text("main")
    assert one.page.locator("#pause").is_hidden()


def test_before_the_first_version_it_can_be_read_by_everybody(browser, tmp_path):
    serving = Serving(tmp_path / "models")
    try:
        one = Tab(browser, serving.url, size="phone")
        assert one.violations() == []
        assert "tidemill push" in one.page.inner_text("main")
        assert one.page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
        one.context.close()
    finally:
        serving.stop()
