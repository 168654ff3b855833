from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from inpaint.evaluate import gallery, plots, report
from inpaint.evaluate.metrics import measure
from inpaint.evaluate.run import Failure
from inpaint.evaluate.store import Store, place
from inpaint.evaluate.summary import summarise

MASKS, METHODS = ["center", "<odd> & mask"], ["mean", "x:y=1"]
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects what a test asks for, and fails on tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.rows, self.addresses = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [v for k, v in attrs.items() if k in ("src", "href", "action")]
        if tag == "img":
            self.images.append(attrs)
        if "data-name" in attrs:
            self.rows.append(attrs["data-name"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Shapes of an SVG close themselves."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def made(tmp_path):
    rng = np.random.default_rng(0)
    hole = np.zeros((32, 40), bool)
    hole[8:20, 8:20] = True
    store, rows = Store(tmp_path), []
    truths = {f"é{i} <b>.jpg": rng.integers(0, 256, (32, 40, 3)).astype(np.uint8) for i in range(5)}
    for mask in MASKS:
        for index, (name, truth) in enumerate(truths.items()):
            store.write_png(place("masks", mask, name), hole.astype(np.uint8) * 255)
            for method in METHODS:
                filled = truth.copy()
                filled[hole] //= index + 2
                fill = place("fills", method, mask, name)
                store.write_png(fill, filled)
                key = {"name": name, "mask": mask, "method": method, "fill": fill}
                rows.append({**key, **measure(truth, filled, hole), "seconds": 0.5})
    failures = [Failure("bad.png", "cannot be read <here>")]
    contents = report.Contents(
        MASKS,
        METHODS,
        summarise(rows, masks=MASKS, methods=METHODS, failures=failures),
        rows,
        failures,
        {"command": "inpaint evaluate 'a b' --seed 3", "seed": "3"},
    )
    yield contents, store, lambda names: ((n, t) for n, t in truths.items() if n in names), truths
    store.close()


def test_page_is_whole_and_needs_nothing_from_outside(made):
    contents, store, given, truths = made
    text = report.render(contents, store, given)
    page = Page(text)
    assert all(a.startswith(("data:image/", "#")) for a in page.addresses)
    assert "http" not in text
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert sorted(page.rows) == sorted([*truths] * len(MASKS))
    assert len(page.images) == len(truths) * len(MASKS) * (len(METHODS) + 2)
    assert "$" not in text
    for said in ("bad.png", "cannot be read &lt;here&gt;", "--seed 3", "Wang et al. 2004"):
        assert said in text
    assert text.count("<svg") >= 4
    assert report.render(contents, store, given) == text


def test_missing_results_leave_a_gap_not_a_hole_in_the_page(made):
    contents, store, given, truths = made
    gone = next(iter(truths))
    kept = [r for r in contents.rows if not (r["name"] == gone and r["method"] == METHODS[1])]
    less = report.Contents(MASKS, METHODS, contents.groups, kept, [], {})
    page = report.render(less, store, given)
    assert page.count("no result") == len(MASKS)
    assert len(Page(page).rows) == len(truths) * len(MASKS)


def test_worst_come_first_then_best_and_the_number_is_bounded(made):
    rows = [
        {"mask": "m", "method": "a", "name": f"{i:03}", "lpips": i / 100, "psnr_hole": 1.0}
        for i in range(100)
    ]
    worst, best = gallery.worst_and_best(rows, first="a", masks=["m"], columns=4)["m"]
    assert worst == [f"{i:03}" for i in range(99, 75, -1)]
    assert best == [f"{i:03}" for i in range(12)]
    many = gallery.worst_and_best(rows, first="a", masks=["m"], columns=200)["m"]
    assert sum(map(len, many)) == gallery.BUDGET // 200
    for one in rows:
        one["lpips"] = None
        one["psnr_hole"] = float(one["name"])
    assert gallery.worst_and_best(rows, first="a", masks=["m"], columns=4)["m"][0][0] == "000"


def test_pictures_are_small_and_enlarged_by_whole_factors():
    small = Page(gallery.shown(np.zeros((64, 48, 3), np.uint8))).images[0]
    assert (small["width"], small["height"], small["class"]) == ("96", "128", "pixels")
    assert small["src"].startswith("data:image/png;")
    large = Page(gallery.shown(np.zeros((900, 1200, 3), np.uint8))).images[0]
    assert (large["width"], large["height"]) == ("160", "120")
    assert "class" not in large
    assert large["src"].startswith("data:image/jpeg;")


def test_plot_places_points_and_escapes():
    point = plots.Point(0.1, 5.0, 4.0, 6.0, "a < b")
    one = plots.plot([plots.Series(0, 1, [point])], x_label="x & y", y_label="z", log_x=True)
    Page(one)
    assert "a &lt; b" in one
    assert "x &amp; y" in one
    assert not re.search(r"nan|inf\b", one)
    assert plots.plot([], x_label="x", y_label="y") == ""
    same = plots.Series(0, 0, [plots.Point(1.0, 0.0, None, None, "")] * 2, line=True)
    assert "<svg" in plots.plot([same], x_label="x", y_label="y", percent_x=True)
