"""``inpaint serve`` measured: a 12-MP photo through the page, hostile requests, memory.

    python benchmarks/web.py [--only page|hostile|memory] [--photo FILE] [--box X,Y,W,H]

Needs the extra ``dev`` and Chromium. Starts the real server as its own process and prints JSON:

    page     from the press of Fill to the candidates, for a photo brought to 12 MP, in turn with
             the command line on the same file and hole (medians of three); whether both wrote the
             same bytes; of one more fill, while the photo is moved about, the longest time between
             two frames and the longest wait for another request; and how long a fill that is
             cancelled keeps the queue.
    hostile  status and seconds of each kind of bad request, and the server's memory over them.
    memory   resident MB after a first fill, at the peak and after all of ``--visits`` photos of
             12 MP were opened, filled, downloaded and closed.

``..._processor`` is processor time, the server's from the press to the candidates, the command's
from start to end. Wall-clock figures are those of the machine as it is; ``load`` says how busy
that was.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import httpx2 as httpx
import numpy as np
from PIL import Image
from provenance import commit

ROOT = Path(__file__).parents[1]
INPAINT = [sys.executable, "-c", "from inpaint.cli import main; main()"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",  # else its process is nice, and starves on busy machines
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-sync",
]
MEGAPIXELS = 12
TURNS = 3
FRAMES = """() => {
  window.frames_ = []; window.before_ = performance.now();
  const note = (now) => {
    frames_.push(now - before_); before_ = now; requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
  const tray = document.getElementById('picks');
  document.getElementById('fill').addEventListener('click', () => {
    frames_.length = 0; window.began_ = performance.now();
    new MutationObserver((_, watch) => {
      if (tray.hidden) return;
      window.took_ = performance.now() - began_; watch.disconnect();
    }).observe(tray, { attributes: true });
  }, { capture: true });
}"""


class Server:
    """A running ``inpaint serve``."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.port = int(url.rstrip("/").rpartition(":")[2])

    def memory(self, field: str = "VmRSS") -> int:
        """Resident MB now, or at the peak since ``forget_peak`` (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (x for x in status.splitlines() if x.startswith(field))
        return int(line.split()[1]) // 1024

    def spent(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@contextmanager
def serving(*options: str, tree: Path = ROOT) -> Iterator[Server]:
    """A server of the checkout ``tree``, whose package comes first where Python starts in it."""
    process = subprocess.Popen(
        [*INPAINT, "serve", "--port", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tree,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert process.stderr
    line = process.stderr.readline()
    try:
        yield Server(process, line.split()[1])
    finally:
        process.terminate()
        process.wait(30)


def large(photo: Path, folder: Path) -> Path:
    """The photo as a JPEG of 12 MP."""
    image = Image.open(photo).convert("RGB")
    scale = (MEGAPIXELS * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * scale), round(image.height * scale)
    path = folder / "large.jpg"
    image.resize(size, Image.Resampling.LANCZOS).save(path, quality=93, subsampling=0)
    return path


def the_page(photo: Path, box: str, folder: Path) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    x, y, w, h = (float(v) for v in box.split(","))
    width, height = Image.open(photo).size
    out, lines = folder / "line.jpg", []
    with serving() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        page.wait_for_selector("body[data-ready]")
        begun = time.perf_counter()
        page.set_input_files("#picker", photo)
        page.wait_for_selector("body[data-state=open]:not([data-busy])")
        opened = time.perf_counter() - begun
        page.evaluate(FRAMES)
        # Exactly the box: as the page's own tool would send it.
        page.keyboard.press("x")
        page.uncheck("#snap")
        page.evaluate("window.scrollTo(0, 0)")
        stage = page.locator("#canvas").bounding_box()
        shown = page.evaluate("document.getElementById('zoom-fit').textContent")
        scale, left, top = camera(page, stage, width, height)
        page.mouse.move(left + x * scale, top + y * scale)
        page.mouse.down()
        page.mouse.move(left + (x + w) * scale, top + (y + h) * scale, steps=4)
        page.mouse.up()
        sent: list[dict[str, Any]] = []
        page.on("request", lambda r: sent.append(r.post_data_json) if "fills" in r.url else None)
        took, spent = [], []
        for turn in range(TURNS):
            if turn:
                page.keyboard.press("Control+z")
            before = server.spent()
            page.click("#fill")
            page.wait_for_selector("#picks:visible", timeout=300_000)
            spent.append(server.spent() - before)
            took.append(page.evaluate("took_") / 1000)
            lines.append(command_line(photo, boxed(sent), out))
        page.keyboard.press("Control+z")
        waits, frames = pestered(page, server)
        start = time.perf_counter()
        with page.expect_download() as caught:
            page.click("#save")
        data = Path(caught.value.path()).read_bytes()
        saved = time.perf_counter() - start
        cancelled = cancel(page, server)
        browser.close()
    fill, line = statistics.median(took), statistics.median(wall for wall, _ in lines)
    return {
        "photo": f"{width}x{height}",
        "zoom": shown,
        "hole": boxed(sent),
        "opened": round(opened, 2),
        "fill": round(fill, 2),
        "fills": [round(seconds, 2) for seconds in took],
        "download": round(saved, 2),
        "command_line": round(line, 2),
        "command_lines": [round(wall, 2) for wall, _ in lines],
        "fill_processor": round(statistics.median(spent), 2),
        "command_line_processor": round(statistics.median(cpu for _, cpu in lines), 2),
        "fill_and_download_over_command_line": round(fill + saved - line, 2),
        "same_bytes": data == out.read_bytes(),
        "frames": len(frames),
        "median_frame_ms": round(float(np.median(frames)), 1),
        "longest_frame_ms": round(max(frames), 1),
        "longest_request_ms": round(max(waits) * 1000, 1),
        "cancelled_after": cancelled,
    }


def boxed(sent: list[dict[str, Any]]) -> str:
    """The box that the page sent, as the command line takes it."""
    return ",".join(str(v) for v in sent[0]["shapes"][0]["box"])


def command_line(photo: Path, box: str, out: Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of the same fill by the command line."""
    begun, before = time.perf_counter(), os.times()
    options = ["--box", box, "--grow", "0", "--out", str(out)]
    command = [*INPAINT, "remove", str(photo), *options]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    after = os.times()
    return time.perf_counter() - begun, sum(after[2:4]) - sum(before[2:4])


def pestered(page: Any, server: Server) -> tuple[list[float], list[float]]:
    """A fill while the photo is moved about: waits for other requests, times between frames."""
    waits: list[float] = []
    with httpx.Client() as client:
        page.click("#fill")
        while not page.is_visible("#picks"):
            page.mouse.wheel(20, 10)
            page.mouse.wheel(-20, -10)
            start = time.perf_counter()
            client.get(f"{server.url}api/about")
            waits.append(time.perf_counter() - start)
    return waits, page.evaluate("frames_")


def camera(page: Any, stage: dict[str, float], width: int, height: int) -> tuple[float, ...]:
    """Scale and left top corner of the photo on the screen, from its edges in a screenshot."""
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    ground = seen[int(stage["y"]) + 3, 3]
    row = np.abs(seen[int(stage["y"] + stage["height"] * 0.4)] - ground).sum(axis=1) > 12
    column = np.abs(seen[:, int(stage["width"] / 2)] - ground).sum(axis=1) > 12
    xs, ys = np.flatnonzero(row), np.flatnonzero(column)
    return (xs[-1] + 1 - xs[0]) / width, float(xs[0]), float(ys[ys > stage["y"]][0])


def cancel(page: Any, server: Server) -> float:
    """Seconds from Esc, in the midst of a fill, until another fill has the queue for itself."""
    page.keyboard.press("Control+z")
    page.click("#fill")
    page.wait_for_selector("#going-what:text('texture')")
    page.keyboard.press("Escape")
    begun = time.perf_counter()
    small = small_form()
    httpx.post(f"{server.url}api/fill", timeout=120, **small).raise_for_status()
    alone = time.perf_counter()
    httpx.post(f"{server.url}api/fill", timeout=120, **small).raise_for_status()
    return round((alone - begun) - (time.perf_counter() - alone), 2)


def coded(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def small_form(side: int = 64) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 255
    image = rng.integers(0, 255, (side, side, 3)).astype(np.uint8)
    files = {"image": ("a.png", coded(image)), "mask": ("b.png", coded(mask))}
    return {"files": files, "data": {"prior": "scenes64-gaussian", "stages": "poisson"}}


def hostile() -> dict[str, Any]:
    found: dict[str, Any] = {}
    with serving("--queue", "4") as server:
        url = f"{server.url}api/fill"
        httpx.post(url, timeout=120, **small_form()).raise_for_status()
        start = server.memory()
        server.forget_peak()

        def note(name: str, call: Callable[[], Any]) -> None:
            begun = time.perf_counter()
            status = call()
            found[name] = {"status": status, "seconds": round(time.perf_counter() - begun, 3)}

        form = small_form()
        mask = {"mask": small_form(32)["files"]["mask"], "image": form["files"]["image"]}
        text = {"image": ("a.png", b"GIF89a" + b"x" * 100), "mask": form["files"]["mask"]}
        for name, headers in [
            ("Host: evil", {"host": "evil"}),
            ("cross-origin POST", {"origin": "http://evil.example"}),
            ("cross-site form", {"sec-fetch-site": "cross-site"}),
        ]:
            note(name, lambda h=headers: httpx.post(url, headers=h, **form).status_code)
        note("wrong type", lambda: httpx.post(url, files=text).status_code)
        note("mask of another size", lambda: httpx.post(url, files=mask).status_code)
        bad = {**form, "data": {"prior": "/etc/passwd"}}
        note("a path as prior", lambda: httpx.post(url, **bad).status_code)
        note("1 GB, length told", lambda: gigabyte(server, told=True))
        note("1 GB, length not told", lambda: gigabyte(server, told=False))
        note("20 at once, queue of 4", lambda: twenty(url))
        note("20 cancelled", lambda: cancelled(url))
        note("a fill after all that", lambda: httpx.post(url, timeout=120, **form).status_code)
        time.sleep(6)
        found["memory_mb"] = {
            "start": start,
            "peak": server.memory("VmHWM"),
            "end": server.memory(),
        }
    return found


def gigabyte(server: Server, *, told: bool) -> str:
    """Send 1 GB with or without its length; the status and how much was taken."""
    sent, answer = 0, b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        size = f"Content-Length: {1 << 30}" if told else "Transfer-Encoding: chunked"
        head = f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1\r\n{size}\r\n\r\n"
        line.sendall(head.encode())
        chunk = b"x" * (1 << 20)
        part = chunk if told else b"100000\r\n" + chunk + b"\r\n"
        with suppress(OSError):
            while sent < 1 << 30:
                line.settimeout(10)
                line.sendall(part)
                sent += len(chunk)
        with suppress(OSError):
            answer = line.recv(4096)
    code = answer[9:12].decode() or "closed"
    return f"{code} after {sent >> 20} MB"


def twenty(url: str) -> dict[str, int]:
    with ThreadPoolExecutor(20) as pool:
        codes = list(
            pool.map(
                lambda n: httpx.post(url, timeout=120, **small_form(128)).status_code, range(20)
            )
        )
    return {str(code): codes.count(code) for code in sorted(set(codes))}


def cancelled(url: str) -> int:
    """Fills that would take long, each given up after a moment; how many were."""
    form = small_form()
    form["data"] = {"prior": "faces64-vae", "steps": "2000", "stages": "none"}
    count = 0
    for _ in range(20):
        with suppress(httpx.TimeoutException):
            httpx.post(url, timeout=0.3, **form)
            continue
        count += 1
    return count


def memory(photo: Path, visits: int) -> dict[str, Any]:
    data = photo.read_bytes()
    box = [1500, 1000, 300, 300]

    def visit(server: Server) -> None:
        answer = httpx.post(f"{server.url}api/photos", content=data, timeout=120)
        url = f"{server.url}api/photos/{answer.json()['key']}"
        request = {"shapes": [{"kind": "box", "box": box}]}
        assert '"done"' in httpx.post(f"{url}/fills", json=request, timeout=120).text
        httpx.get(f"{url}/view", timeout=120)
        httpx.get(f"{url}/file", params={"stack": "[[1,0]]"}, timeout=120)
        httpx.delete(url)

    with serving() as server:
        visit(server)
        time.sleep(6)
        start, after = server.memory(), []
        server.forget_peak()
        for _ in range(visits):
            visit(server)
            after.append(server.memory())
        time.sleep(6)  # the server tidies up every five seconds
        return {
            "visits": visits,
            "start_mb": start,
            "peak_mb": server.memory("VmHWM"),
            "after_each_mb": after,
            "end_mb": server.memory(),
        }


@click.command()
@click.option("--photo", type=click.Path(path_type=Path), default=ROOT / "samples" / "seeding.jpg")
@click.option("--box", default="2700,1300,300,300", show_default=True)
@click.option("--only", type=click.Choice(["page", "hostile", "memory"]))
@click.option("--visits", default=10, show_default=True)
@click.option("--json", "path", type=click.Path(path_type=Path))
def main(photo: Path, box: str, only: str | None, visits: int, path: Path | None) -> None:
    """Measure and print."""
    found: dict[str, Any] = {"commit": commit(), "cores": os.cpu_count(), "load": os.getloadavg()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shot = large(photo, folder)
        if only in (None, "page"):
            found["page"] = the_page(shot, box, folder)
        if only in (None, "hostile"):
            found["hostile"] = hostile()
        if only in (None, "memory"):
            found["memory"] = memory(shot, visits)
    text = json.dumps(found, indent=1)
    print(text)
    if path:
        path.write_text(text + "\n")


if __name__ == "__main__":
    main()
