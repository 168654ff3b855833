from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from inpaint.errors import OutputError
from inpaint.evaluate import distances
from inpaint.evaluate.kid import Kid
from inpaint.evaluate.run import Failure
from inpaint.evaluate.store import Store
from inpaint.evaluate.summary import METRICS, interval, summarise, to_rows, write_csv
from inpaint.evaluate.table import table


def row(name, method, psnr, *, mask="center", bucket="20-30", **more):
    values = dict.fromkeys(METRICS, 1.0)
    return {
        "name": name,
        "method": method,
        "mask": mask,
        "bucket": bucket,
        "mask_ratio": 0.25,
        "width": 64,
        "height": 64,
        **values,
        "psnr_hole": psnr,
        **more,
    }


def rows(count=6):
    made = []
    for i in range(count):
        bucket = "10-20" if i < 2 else "20-30"
        made.append(row(f"{i}.png", "a", 20.0 + i, bucket=bucket))
        made.append(row(f"{i}.png", "b", 21.0 + i, bucket=bucket))
    return made


def test_interval_is_the_bootstrap_s():
    rng = np.random.default_rng(1)
    values = rng.normal(10, 2, 200)
    stat = interval(values, seed=3)
    half = 1.96 * values.std(ddof=1) / math.sqrt(200)
    assert stat.mean == pytest.approx(values.mean())
    assert stat.std == pytest.approx(values.std(ddof=1))
    assert stat.low == pytest.approx(values.mean() - half, abs=0.05)
    assert stat.high == pytest.approx(values.mean() + half, abs=0.05)
    assert interval(values, seed=3) == stat
    assert interval(values, seed=4) != stat


def test_interval_says_nothing_of_nothing():
    assert interval([]).mean is None
    one = interval([5.0, None, math.inf])
    assert (one.n, one.mean, one.std, one.low) == (1, 5.0, None, None)


def test_groups_by_mask_bucket_and_method_with_paired_differences():
    groups = summarise(rows(), masks=["center"], methods=["a", "b"])
    keys = [(g.bucket, g.method, g.n) for g in groups]
    assert keys == [
        ("all", "a", 6), ("all", "b", 6), ("10-20", "a", 2), ("10-20", "b", 2),
        ("20-30", "a", 4), ("20-30", "b", 4),
    ]  # fmt: skip
    first, second = groups[:2]
    assert first.diffs == {}
    diff = second.diffs["psnr_hole"]
    # The images differ by 5 dB, the pairs by 1 each: that is what pairing is for.
    assert (diff.mean, diff.std, diff.low, diff.high) == (1.0, 0.0, 1.0, 1.0)
    assert second.stats["psnr_hole"].low < second.stats["psnr_hole"].high


def test_order_of_rows_and_other_groups_do_not_matter():
    one = summarise(rows(), masks=["center"], methods=["a", "b"])
    more = [*reversed(rows()), row("x", "a", 1.0, mask="half"), row("x", "c", 1.0)]
    assert summarise(more, masks=["center"], methods=["a", "b"]) == one


def test_pairs_are_the_images_that_both_have_and_infinity_is_counted():
    made = [
        row("1", "a", 20.0), row("2", "a", None), row("3", "a", 30.0),
        row("1", "b", 22.0), row("2", "b", 25.0),
    ]  # fmt: skip
    failures = [Failure("0", "broken"), Failure("3", "no", "center", "b"), Failure("9", "", "half")]
    a, b, *_ = summarise(made, masks=["center"], methods=["a", "b"], failures=failures)
    assert (a.n, a.perfect, a.stats["psnr_hole"].n, a.failed) == (3, 1, 2, ("0",))
    assert (b.diffs["psnr_hole"].n, b.diffs["psnr_hole"].mean) == (1, 2.0)
    assert b.failed == ("0", "3")


def test_csv_has_every_number_and_the_convention(tmp_path):
    kids = {("center", "b"): Kid(1.5, 0.25)}
    failures = [Failure(f"{i}.png", "broken") for i in range(25)]
    groups = summarise(rows(), masks=["center"], methods=["a", "b"], kids=kids, failures=failures)
    write_csv(tmp_path / "s.csv", groups)
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(groups)
    b = read[1]
    assert (b["mask"], b["bucket"], b["method"], b["n"]) == ("center", "all", "b", "6")
    assert float(b["psnr_hole"]) == 23.5
    assert float(b["psnr_hole_low"]) < 23.5 < float(b["psnr_hole_high"])
    assert float(b["psnr_hole_diff"]) == 1.0
    assert (b["kid_alexnet"], read[0]["kid_alexnet"]) == ("1.5", "")
    assert b["failed"] == "25"
    assert b["failed_names"].endswith("19.png; and 5 more")
    assert "SSIM Wang" in b["convention"]
    json.dumps(to_rows(groups), allow_nan=False)
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]
    with pytest.raises(OutputError, match="cannot write"):
        write_csv(tmp_path / "none" / "s.csv", groups)


def test_table_marks_the_best_also_in_a_pipe_and_fits_its_width():
    groups = summarise(rows(), masks=["center"], methods=["a", "b"])

    def text(width):
        console = Console(width=width or 300, record=True, file=io.StringIO(), force_terminal=True)
        console.print(table(groups, width=width))
        return console.export_text(styles=True)

    wide, narrow = text(None), text(70)
    assert "\x1b[1m*23.50\x1b[0m ± 1.87" in wide
    piped = Console(width=300, file=io.StringIO())
    piped.print(table(groups))
    assert " *23.50 ± 1.87 " in piped.file.getvalue()
    assert "*: best" in piped.file.getvalue()
    assert "Δ +1.00" in wide
    assert "L1 %" in wide
    assert "L1 %" not in narrow
    assert "PSNR hole" in narrow
    assert "summary.csv" in narrow


def test_kid_only_of_enough_images_of_one_size(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    truths = {f"{i}": rng.integers(0, 256, (32, 32, 3)).astype(np.uint8) for i in range(6)}
    store = Store(tmp_path)
    made = []
    for method, names in (("a", list(truths)), ("b", list(truths)[:5]), ("c", list(truths))):
        for name in names:
            one = row(name, method, 1.0, width=32, height=32, fill=f"{method}/{name}.png")
            store.write_png(one["fill"], truths[name])
            made.append(one)
    made[-1]["width"] = 33
    monkeypatch.setattr(distances, "ENOUGH", 6)

    def given(names):
        return ((n, truths[n]) for n in names)

    found = distances.kids(made, given, store, seed=1)
    assert set(found) == {("center", "a")}
    assert abs(found["center", "a"].mean) < 3 * found["center", "a"].std + 1e-6
    assert found == distances.kids(made, given, store, seed=1)
    store.close()
