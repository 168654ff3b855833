"""What ``batch.py`` computes from its figures: a million images, and a large manifest."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from inpaint.batch.manifest import Manifest
from inpaint.system import memory


def million(figures: dict[str, Any], cores: int, price: float | None) -> dict[str, Any]:
    """What a million such images cost, from one engine's figures.

    core-seconds an image = workers * (wall - startup) / images; hours = 1e6 * that / cores / 3600.
    On a machine that is busy with other things these are too many; then those from the processor
    time (``cpu_``, without waiting) are nearer the truth.
    """
    workers = max(int(figures["engine"].partition(":")[2] or 2), 1)
    each = workers * (figures["seconds"] - figures["startup_seconds"]) / figures["done"]
    hours = each * 1e6 / 3600
    cost: dict[str, Any] = {
        "core_seconds_an_image": each,
        "cpu_seconds_an_image": figures["cpu_seconds_an_image"],
        "minutes_a_thousand_on_2_cores": each * 1000 / 2 / 60,
        "cpu_minutes_a_thousand_on_2_cores": figures["cpu_seconds_an_image"] * 1000 / 2 / 60,
        "core_hours_a_million": hours,
        "cpu_core_hours_a_million": figures["cpu_seconds_an_image"] * 1e6 / 3600,
        f"hours_a_million_on_{cores}_cores": hours / cores,
        "manifest_gb_a_million": figures["manifest_bytes_an_image"] * 1e6 / 1e9,
        "outputs_gb_a_million": figures["output_bytes_an_image"] * 1e6 / 1e9,
        "resume_minutes_a_million": figures["resume_seconds"] / figures["done"] * 1e6 / 60,
    }
    if price is not None:
        cost["price_a_million"] = hours * price
    return cost


def manifest_costs(out: Path, rows: int = 100_000) -> dict[str, float]:
    """What a large manifest costs the machine that starts a run."""
    line = (out / ".inpaint" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    row, path = json.loads(line), out.parent / "large.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({**row, "path": f"folder/{k}"}) + "\n" for k in range(rows))
    held, begun = memory.resident(), time.process_time()
    manifest = Manifest(path)
    loaded, held = time.process_time() - begun, memory.resident() - held
    begun = time.process_time()
    for k in range(0, rows, 10):
        assert manifest.get(f"folder/{k}")
    asked = time.process_time() - begun
    manifest.close()
    path.unlink()
    item = {key: row[key] for key in ("path", "mask", "out")}
    return {
        "memory_bytes_an_item": held / rows,
        "load_cpu_seconds_a_million": loaded / rows * 1e6,
        "lookup_microseconds": asked / (rows / 10) * 1e6,
        "ray_bytes_a_new_item": len(json.dumps({**item, "known": None})),
        "ray_bytes_a_changed_item": len(json.dumps({**item, "known": row})),
    }
