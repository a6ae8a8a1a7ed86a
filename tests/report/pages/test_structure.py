"""Every page can be read by keyboard, on a telephone and in the dark, and begins with what was found."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from made_pages import LONG, PAGES, classifier_page, detections_page
from page_checks import problems

from finback.report import pages
from finback.report.pages import embedding_map
from finback.report.pages.common import is_figure, render_page
from finback.report.pages.embedding_map import contrast, on_dark
from finback.report.plots.style import CYCLE

TEMPLATES = Path(pages.__path__[0]) / "templates"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_verdict_names_and_boxes(name: str) -> None:
    page = PAGES[name]()
    assert problems(page) == []
    assert "<script>alert" not in page


def test_the_checks_find_what_is_wrong() -> None:
    good = classifier_page()
    for old, new, found in (
        ('<p class="verdict">', '<p class="sub">', "no verdict"),
        ('<button type="button">F1</button>', "F1", "without a button"),
        (' alt="what it shows"', "", "without words"),
        ('<div class="wide" role', '<div class="x" role', "does not scroll"),
        ('id="audit"', 'id="species"', "the same id"),
        ('src="data:', 'src="https://x/', "loads https"),
        (f' aria-label="{LONG} classified', f' title="{LONG} classified', "<audio> has no name"),
    ):
        assert old in good, old
        assert any(found in text for text in problems(good.replace(old, new))), found
    rows = re.sub(r"<tbody>.*?</tbody>", "<tbody></tbody>", good, flags=re.S)
    assert any("without rows" in text for text in problems(rows))


def test_a_table_without_rows_is_a_sentence() -> None:
    page = detections_page()
    assert "There was no call." in page
    assert "Of nothing." not in page


def test_a_page_without_a_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="has no verdict"):
        render_page("vocoder.html.j2", "v", "report", " ")


def test_every_page_is_made_from_the_base() -> None:
    whole = {p.name for p in TEMPLATES.glob("*.html.j2") if "<!doctype" in p.read_text()}
    assert whole == {"base.html.j2"}


@pytest.mark.parametrize(
    ("cell", "expected"), [("+0.041 (-0.020 to +0.098)", True), ("killer whale", False), ("", False)]
)
def test_numbers_stay_on_one_line(cell: str, expected: bool) -> None:
    assert is_figure(cell) is expected


def schemes() -> dict[str, dict[str, list[int]]]:
    """The colours of the style sheet, light and dark."""
    text = (TEMPLATES / "style.css.j2").read_text()
    first, dark = (dict(re.findall(r"--(\w+): (#\w+)", part)) for part in text.split("@media", 2)[:2])

    def rgb(colour: str) -> list[int]:
        digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        return [int(digits[i : i + 2], 16) for i in (0, 2, 4)]

    both = {"light": first, "dark": first | dark}
    return {name: {key: rgb(value) for key, value in one.items()} for name, one in both.items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str) -> None:
    colours = schemes()[scheme]
    for text, ground in product(("ink", "soft", "link"), ("page", "raised")):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["ink"], colours["warn"]) >= 4.5
    assert contrast(colours["warnline"], colours["page"]) >= 3
    assert contrast([0, 0, 0], [255, 255, 255]) == pytest.approx(21)


def test_points_of_the_map_stand_out_in_the_dark() -> None:
    page = schemes()["dark"]["page"]
    assert tuple(page) == embedding_map.DARK_PAGE
    for colour in (*CYCLE, "#000000", embedding_map.REST):
        shown = on_dark(colour)
        assert contrast([int(shown[i : i + 2], 16) for i in (1, 3, 5)], page) >= 3
    assert on_dark("#E69F00") == "#e69f00"  # bright already


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEASURE = """
<!doctype html><meta charset="utf-8"><body><script>
const pages = %s, sizes = [[400, 800], [1366, 650]], found = [];
const all = (frame, what) => [...frame.contentDocument.querySelectorAll(what)];
async function measure() {
  for (const [name, page] of Object.entries(pages)) for (const [width, height] of sizes) {
    const frame = Object.assign(document.createElement("iframe"), {width, height, srcdoc: page});
    document.body.append(frame);
    await new Promise(done => frame.addEventListener("load", done));
    await new Promise(done => frame.contentWindow.setTimeout(done, 30));
    const one = {name, width, wide: frame.contentDocument.documentElement.scrollWidth};
    one.unreachable = all(frame, ".wide").filter(b => b.scrollWidth > b.clientWidth + 1 && b.tabIndex).length;
    one.sorted = all(frame, ".sortable th:nth-child(2)").map(th => {
      th.querySelector("button").click(); return th.getAttribute("aria-sort"); });
    const map = all(frame, ".maps canvas")[0], panel = all(frame, "#clip")[0];
    if (map) {
      const press = key => map.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      one.panel = [panel.hidden];
      const steps = ["ArrowRight", "ArrowRight", "ArrowDown", "Escape"];
      one.names = steps.map(key => { press(key); return all(frame, "#name")[0].textContent; });
      one.panel.push(panel.hidden);
      one.height = map.getBoundingClientRect().height;
    }
    found.push(one);
    frame.remove();
  }
  document.body.replaceChildren(JSON.stringify(found));
}
measure();
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the pages in")
def test_in_a_browser_nothing_is_wider_than_the_window(tmp_path: Path) -> None:
    texts = json.dumps({name: make() for name, make in PAGES.items()}).replace("</", "<\\/")
    page = tmp_path / "measure.html"
    page.write_text(MEASURE % texts, encoding="utf-8")
    quiet = "--no-first-run --disable-background-networking --disable-component-update --disable-sync"
    asked = f"{CHROMIUM} --headless --no-sandbox --disable-gpu --disable-quic {quiet} --window-size=1500,900"
    command = [*asked.split(), f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    text = re.search(r"<body>(\[.*\])</body>", done.stdout, re.S)
    assert text, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(html.unescape(text[1]))
    assert len(found) == 2 * len(PAGES)
    for one in found:
        assert one["wide"] <= one["width"], one
        assert one["unreachable"] == 0, one
        assert set(one["sorted"]) <= {"descending"}, one
        if "panel" in one:
            assert one["panel"] == [True, True], one
            first, second, third, closed = one["names"]
            assert first == second != third == closed, one
            assert one["height"] <= 650 if one["width"] > 1000 else one["height"] <= 400, one
