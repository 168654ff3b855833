"""``inpaint serve`` under load: many clients that upload, look, fill and cancel, on loopback.

    python benchmarks/web_load.py --clients 50 --seconds 120
    python benchmarks/web_load.py --clients 8 --seconds 10 --rounds 2

Each client opens a small photo, looks at it, fills a stroke (and half of the time goes away in the
midst), looks again and closes it. A client that is told to come again waits as long as it is told.
Beside them one reader asks for a small view over and over. The load is repeated in rounds, with a
pause after each, and the memory of the server is read before the first and after every round.

Prints JSON, then three verdicts, and exits 1 if one of them is no:

1. no answer was a 5xx but 503 with Retry-After, and the server reported no error;
2. 95 % of the small views took less than a second;
3. memory after each round is within 20 % of its start, and over four rounds or more it does not
   grow by more than 1 % from round to round (the median of the slopes between all pairs of rounds).
   Its start is after three visits one after the other, which load what is loaded once: torch,
   priors, compiled kernels.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import httpx2 as httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
from web_site import STROKE, coded, photo_pixels

PRIOR = "faces64-gaussian"


class Load:
    """What all clients share: when to end, and what they were answered."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.end = url, time.monotonic() + seconds
        self.codes: Counter[str] = Counter()
        self.waits: list[float] = []
        self.wrong: list[str] = []
        self.photo = coded(photo_pixels(120, 160))

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.end

    def note(self, what: str, answer: httpx.Response) -> bool:
        """Count an answer; whether it was one to go on from."""
        self.codes[f"{what} {answer.status_code}"] += 1
        if answer.status_code >= 500 and not (
            answer.status_code == 503 and "retry-after" in answer.headers
        ):
            self.wrong.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        return answer.is_success

    def reader(self) -> None:
        """One page that looks at its photo all the time."""
        # Nothing is encrypted, and loading certificates for each client takes longer than the rest.
        with httpx.Client(timeout=60, verify=False) as client:
            answer = client.post(f"{self.url}/api/photos", content=coded(photo_pixels()))
            while not answer.is_success and not self.over:
                time.sleep(0.2)
                answer = client.post(f"{self.url}/api/photos", content=coded(photo_pixels()))
            view = f"{self.url}/api/photos/{answer.json()['key']}/view"
            while not self.over:
                begun = time.monotonic()
                self.note("small view", client.get(view))
                self.waits.append(time.monotonic() - begun)
                time.sleep(0.05)

    def client(self, number: int) -> None:
        """One person after the other."""
        rng = random.Random(number)
        while not self.over:
            try:
                with httpx.Client(timeout=60, verify=False) as client:
                    self._visit(client, leave=rng.random() < 0.5)
            except httpx.HTTPError as error:
                self.codes[type(error).__name__] += 1
            time.sleep(rng.uniform(0, 0.3))

    def warm(self, visits: int = 3) -> None:
        """Visit one after the other, to the end of each fill."""
        with httpx.Client(timeout=600, verify=False) as client:
            for _ in range(visits):
                self._visit(client, leave=False)

    def _visit(self, client: httpx.Client, *, leave: bool) -> None:
        answer = client.post(f"{self.url}/api/photos", content=self.photo)
        if not self.note("upload", answer):
            time.sleep(min(float(answer.headers.get("retry-after", 1)), 5))
            return
        url = f"{self.url}/api/photos/{answer.json()['key']}"
        self.note("view", client.get(f"{url}/view"))
        request = {"shapes": [STROKE], "options": {"prior": PRIOR, "stages": ["none"]}}
        with client.stream("POST", f"{url}/fills", json=request) as fill:
            for line in fill.iter_lines():
                if leave and '"search"' in line:
                    break
            self.codes[f"fill {fill.status_code}{' left' if leave else ''}"] += 1
            if fill.status_code == 503 and "retry-after" not in fill.headers:
                self.wrong.append("fill: 503 without Retry-After")
            elif fill.status_code >= 500 and fill.status_code != 503:
                self.wrong.append(f"fill: {fill.status_code}")
        self.note("view", client.get(f"{url}/view"))
        self.note("close", client.delete(url))


def resident(pid: int) -> int:
    """Megabytes that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def one_round(url: str, clients: int, seconds: float) -> Load:
    """Load a server once."""
    load = Load(url, seconds)
    threads = [threading.Thread(target=load.reader)]
    threads += [threading.Thread(target=load.client, args=[k]) for k in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


def measure(clients: int, seconds: float, rounds: int, pause: float) -> dict[str, Any]:
    """Start a server, load it, and tell how it took it."""
    command = [sys.executable, "-m", "inpaint", "serve", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        url = server.stderr.readline().split()[1].rstrip("/")
        said: list[str] = []
        threading.Thread(target=lambda: said.extend(server.stderr or ()), daemon=True).start()
        httpx.get(f"{url}/api/about", timeout=60)
        at_once = resident(server.pid)
        Load(url, 0).warm()
        time.sleep(pause)
        memory, waits, wrong = [resident(server.pid)], [], []
        codes: Counter[str] = Counter()
        for _ in range(rounds):
            load = one_round(url, clients, seconds)
            time.sleep(pause)  # the server gives memory back while nothing is at work
            memory.append(resident(server.pid))
            codes += load.codes
            waits += load.waits
            wrong += load.wrong
    finally:
        server.terminate()
        server.wait(30)
    waits.sort()
    slow = waits[int(len(waits) * 0.95)]
    most, step = max(memory) / memory[0] - 1, slope(memory) / memory[0]
    return {
        "clients": clients,
        "seconds": seconds,
        "rounds": rounds,
        "answers": dict(sorted(codes.items())),
        "wrong": wrong[:20],
        "said_by_the_server": said[:20],
        "small_view_median": round(waits[len(waits) // 2], 3),
        "small_view_95": round(slow, 3),
        "memory_mb_before_any_fill": at_once,
        "memory_mb": memory,
        "growth": round(most, 3),
        "growth_from_round_to_round": round(step, 4),
        "verdicts": {
            "no 5xx but 503 with Retry-After": not wrong and not said,
            "95 % of small views under 1 s": slow < 1,
            "memory within 20 %, and no growth": most < 0.2 and (rounds < 4 or step < 0.01),
        },
    }


def slope(values: list[int]) -> float:
    """The median of the slopes between all pairs of values (Theil and Sen), 0 for one value."""
    pairs = itertools.combinations(enumerate(values), 2)
    found = [(after - before) / (j - i) for (i, before), (j, after) in pairs]
    return statistics.median(found) if found else 0.0


@click.command()
@click.option("--clients", default=50, show_default=True)
@click.option("--seconds", default=120.0, show_default=True, help="Of one round.")
@click.option("--rounds", default=10, show_default=True)
@click.option("--pause", default=12.0, show_default=True, help="Seconds after a round.")
def main(clients: int, seconds: float, rounds: int, pause: float) -> None:
    told = measure(clients, seconds, rounds, pause)
    print(json.dumps(told, indent=2))
    for what, kept in told["verdicts"].items():
        print(f"{what}: {'yes' if kept else 'NO'}")
    sys.exit(0 if all(told["verdicts"].values()) else 1)


if __name__ == "__main__":
    main()
