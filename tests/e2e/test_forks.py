"""A forked child, a thread and a loader's worker make the bytes that their parent made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PARENT = """
import hashlib, multiprocessing, os, threading
import cv2, numpy as np, torch
import inpaint
from inpaint.restore import restore
torch.set_num_threads(2)
cv2.setNumThreads(2)
y, x = np.mgrid[:80, :120]
image = np.stack([x * 2, y * 3, x + y], -1).clip(0, 255).astype(np.uint8)
mask = np.zeros((80, 120), bool)
mask[30:50, 50:70] = True

def work(_=0):
    made = [
        inpaint.fill(image, mask),
        inpaint.fill(image, mask, prior="faces64-vae", search={"steps": 2}),
        inpaint.fill(image, mask, prior="scenes64-gaussian", stages=("texture",)),
        restore(image, task="denoise"),
    ]
    return [hashlib.sha256(one.tobytes()).hexdigest() for one in made]

def warm():
    "Start the threads of torch and of OpenCV, as any program may that uses them."
    a = torch.randn(600, 600)
    (a @ a).exp().sum()
    photo = np.zeros((2000, 2000, 3), np.uint8)
    cv2.GaussianBlur(photo, (31, 31), 0)

warm()
want = work()
assert torch.get_num_threads() == 2, "the caller's threads are the caller's"
fork = multiprocessing.get_context("fork")
"""
WAYS = {
    "pool": """
with fork.Pool(2) as pool:
    got = pool.map(work, range(2))
assert got == [want, want], got
""",
    "os.fork": """
pid = os.fork()
if pid == 0:
    warm()
    os._exit(0 if work() == want else 3)
assert os.waitpid(pid, 0)[1] == 0
""",
    # gunicorn --preload: the application is warm, then workers are forked that serve by threads.
    "preload": """
def serve(answers):
    got = []
    threads = [threading.Thread(target=lambda: got.append(work())) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    answers.put(got)
answers = fork.Queue()
worker = fork.Process(target=serve, args=(answers,))
worker.start()
got = answers.get(timeout=100)
worker.join()
assert got == [want, want], got
""",
    "thread": """
got = []
thread = threading.Thread(target=lambda: got.append(work()))
thread.start()
thread.join()
assert got == [want], got
""",
    "loader": """
from torch.utils.data import DataLoader

class Jobs:
    def __len__(self): return 2
    def __getitem__(self, index): return work()

loader = DataLoader(Jobs(), batch_size=None, num_workers=1, multiprocessing_context="fork")
got = list(loader)
assert got == [want, want], got
""",
    "one thread": """
torch.set_num_threads(1)
cv2.setNumThreads(1)
assert work() == want
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_bytes_are_those_of_the_parent(way: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT + WAYS[way], encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
