from __future__ import annotations

import csv
import html
import json
import shutil
import subprocess
import sys
import tarfile

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from inpaint.cli import group
from inpaint.errors import UnknownNameError

NAMES = ["a.png", "b.png", "sub/c.png", "sub/d.png"]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    (root / "sub").mkdir(parents=True)
    rng = np.random.default_rng(5)
    for name in NAMES:
        small = rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)
        image = cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / name), image)
    return root


def go(*args):
    result = CliRunner().invoke(group, ["evaluate", *map(str, args)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def rows(out, *, timeless=True):
    text = (out / "metrics.jsonl").read_text(encoding="utf-8")
    read = [json.loads(line) for line in text.splitlines()]
    return [{k: v for k, v in r.items() if k != "seconds" or not timeless} for r in read]


def test_four_images_two_masks_three_methods(folder, tmp_path):
    out = tmp_path / "out"
    args = ["--masks", "center,thick", "--method", "telea", "faces64-gaussian", "mean"]
    result = go(folder, *args, "--out", out, "--json")
    report = json.loads(result.stdout)
    assert (report["images"], report["measured"], report["reused"]) == (4, 24, 0)
    assert report["failures"] == []
    found = rows(out)
    assert len(found) == 24
    assert {r["name"] for r in found} == set(NAMES)
    for r in found:
        assert r["psnr"] == pytest.approx(r["psnr_hole"] - 10 * np.log10(r["mask_ratio"]))
        truth = cv2.imread(str(folder / r["name"]))
        filled = cv2.imread(str(out / r["fill"]))
        hole = cv2.imread(str(out / "masks" / r["mask"] / r["name"]), 0) > 0
        erased = cv2.imread(str(out / "inputs" / r["mask"] / r["name"]))
        assert (filled[~hole] == truth[~hole]).all()
        assert (erased[~hole] == truth[~hole]).all()
        assert (erased[hole] == 0).all()
    with (out / "summary.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {(t["mask"], t["method"]) for t in table if t["bucket"] == "all"} == {
        (m, n) for m in ("center", "thick") for n in ("telea", "faces64-gaussian", "mean")
    }
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(page.count(f'data-name="{name}"') == 2 for name in NAMES)
    assert not [p for p in out.rglob("*.tmp")]

    # A subset of the same images, from a tar: the same rows and the same bytes of every fill.
    tar, other = tmp_path / "photos.tar", tmp_path / "other"
    with tarfile.open(tar, "w") as archive:
        archive.add(folder / "sub" / "d.png", "sub/d.png")
    go(tar, *args, "--out", other)
    assert rows(other) == [r for r in found if r["name"] == "sub/d.png"]
    for r in rows(other):
        assert (other / r["fill"]).read_bytes() == (out / r["fill"]).read_bytes()


def test_resumes_after_a_kill_and_ends_with_the_same_files(folder, tmp_path):
    out = tmp_path / "out"
    args = [folder, "--masks", "center", "--masks", "half", "--method", "ns", "--method", "mean"]
    args += ["--out", out]
    go(*args)
    names = ("metrics.jsonl", "summary.csv", "report.html")
    before = {n: (out / n).read_bytes() for n in names}
    again = go(*args)
    assert "16 of 16 measurements were there already" in again.stderr
    assert {n: (out / n).read_bytes() for n in names} == before

    whole = rows(out, timeless=False)
    data = before["metrics.jsonl"]
    (out / "metrics.jsonl").write_bytes(data[: len(data) * 2 // 3])  # in the middle of a line
    assert not data[: len(data) * 2 // 3].endswith(b"\n")
    result = json.loads(go(*args, "--json").stdout)
    assert 0 < result["measured"] < 8
    assert result["measured"] + result["reused"] == 16
    assert rows(out) == [{k: v for k, v in r.items() if k != "seconds"} for r in whole]

    (out / whole[0]["fill"]).unlink()  # a fill that has gone is made again
    assert json.loads(go(*args, "--json").stdout)["measured"] == 1
    assert json.loads(go(*args, "--json", "--seed", "1").stdout)["measured"] == 16
    assert json.loads(go(*args, "--json", "--overwrite").stdout)["measured"] == 16
    assert len(rows(out)) == 16
    image = cv2.imread(str(folder / "a.png"))
    cv2.imwrite(str(folder / "a.png"), image[::-1])  # another picture under the old name
    assert json.loads(go(*args, "--json").stdout)["measured"] == 4


def test_what_cannot_be_measured_is_named_and_the_rest_is_measured(run, folder, tmp_path):
    (folder / "broken.png").write_bytes(b"\x89PNG no image")
    masks = tmp_path / "holes"
    masks.mkdir()
    hole = np.zeros((64, 64), np.uint8)
    hole[20:40, 20:40] = 255
    for name, mask in (("a", hole), ("b", hole[:32]), ("c_mask", hole)):  # and none for d
        cv2.imwrite(str(masks / f"{name}.png"), mask)
    out = tmp_path / "out"
    result = run("evaluate", folder, "--masks", masks, "--method", "telea", "--out", out)
    assert result.code == 1
    assert {r["name"] for r in rows(out)} == {"a.png", "sub/c.png"}
    page = (out / "report.html").read_text(encoding="utf-8")
    with (out / "summary.csv").open(newline="") as file:
        summary = next(csv.DictReader(file))
    assert (summary["n"], summary["failed"]) == ("2", "3")
    expected = {
        "broken.png": "is not an image",
        "b.png": "the mask is 64x32, the image is 64x64",
        "sub/d.png": "sub/d.png has no mask; add 'd.png', in its folder among the masks",
    }
    for name, reason in expected.items():
        assert name in summary["failed_names"]
        assert reason in result.err
        assert html.escape(reason, quote=True) in page
    assert "telea" in result.out
    assert "Traceback" not in result.err


def test_masks_from_a_tar_are_those_of_the_folder(folder, tmp_path):
    masks, tar = tmp_path / "holes", tmp_path / "holes.tar"
    (masks / "sub").mkdir(parents=True)
    for index, name in enumerate(NAMES):
        hole = np.zeros((64, 64), np.uint8)
        hole[20:40, 7 * index + 1 : 30] = 255
        cv2.imwrite(str(masks / name), hole)
    with tarfile.open(tar, "w") as archive:
        archive.add(masks, ".")
    first, second = tmp_path / "1", tmp_path / "2"
    go(folder, "--masks", masks, "--method", "mean", "--out", first)
    go(folder, "--masks", tar, "--method", "mean", "--out", second)
    assert rows(first) == rows(second)
    assert len(rows(first)) == 4


def test_results_of_another_program(folder, tmp_path):
    out, theirs = tmp_path / "out", tmp_path / "theirs"
    go(folder, "--masks", "center", "--method", "mean", "--out", out)
    shutil.copytree(out / "fills" / "mean" / "center", theirs)
    brighter = cv2.imread(str(theirs / "a.png"))
    brighter[0, 0] ^= 1
    cv2.imwrite(str(theirs / "a.png"), brighter)
    (theirs / "sub" / "d.png").unlink()
    name = f"folder:{theirs}"
    args = [folder, "--masks", "center", "--method", "mean", "--method", name, "--out", out]
    report = json.loads(go(*args, "--json").stdout)
    assert (report["reused"], report["measured"]) == (4, 3)
    assert [(f["name"], f["method"]) for f in report["failures"]] == [("sub/d.png", name)]
    ours, other = ([r for r in rows(out) if r["method"] == m] for m in ("mean", name))
    assert other[0]["note"] == "1 known pixels differed and were set back"
    for a, b in zip(ours, other, strict=False):
        assert a["lpips"] == b["lpips"]
    with pytest.raises(UnknownNameError, match="no subfolder 'center'"):
        go(folder, "--masks", "center,half", "--method", name, "--out", out)


def test_bad_use_is_refused_at_once(run, folder, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    base = ["evaluate", folder, "--masks", "center", "--method", "mean", "--out"]
    for code, message, arguments in (
        (2, "did you mean 'center'", [*base, out, "--masks", "centre"]),
        (2, "did you mean 'telea'", [*base, out, "--method", "tela"]),
        (2, "it takes no options", [*base, out, "--method", "mean:x=1"]),
        (1, "lies inside", [*base, folder / "out"]),
        (1, "holds no images", ["evaluate", tmp_path / "empty", *base[2:], out]),
        (1, "does not exist", ["evaluate", tmp_path / "nowhere", *base[2:], out]),
        (2, "Missing option '--masks'", ["evaluate", folder, "--out", out]),
    ):
        result = run(*arguments)
        assert result.code == code
        assert message in result.complaint()
    assert not (folder / "out").exists()


def test_exit_code_is_0_when_all_was_measured(run, folder, tmp_path):
    done = run("evaluate", folder, "--masks", "half", "--method", "mean", "--out", tmp_path / "o")
    assert (done.code, done.err) == (0, "")
    assert done.out.rstrip().endswith("report.html")


def test_help_does_not_import_torch():
    script = (
        "import sys; from click.testing import CliRunner; from inpaint.cli import group; "
        "r = CliRunner().invoke(group, ['evaluate', '--help']); "
        "assert r.exit_code == 0 and '--masks' in r.output, r.output; "
        "assert not {'torch', 'cv2', 'skimage'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_masks_beside_images_are_paired_named_and_not_measured(run, folder, tmp_path):
    hole = np.zeros((64, 64), np.uint8)
    hole[20:40, 20:40] = 255
    for name in NAMES:
        cv2.imwrite(str(folder / name.replace(".png", "_mask001.png")), hole)
    plain = ["--method", "telea", "--out"]
    own = run("evaluate", folder, "--masks", folder, *plain, tmp_path / "own")
    assert own.code == 0
    assert {r["name"] for r in rows(tmp_path / "own")} == set(NAMES)
    assert "4 masks lie beside images and were not measured:\n  a_mask001.png" in own.err
    run("evaluate", folder, "--masks", "center", *plain, tmp_path / "center")
    assert {r["name"] for r in rows(tmp_path / "center")} == set(NAMES)
