"""The Ray engine: Ray Data actors, on this machine or on the cluster at ``RAY_ADDRESS``."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from inpaint.batch.control import Stop
from inpaint.batch.item import ItemFiller
from inpaint.batch.local import THREADS
from inpaint.batch.options import Setup
from inpaint.batch.rows import FAILED, RETRY, Row, claim
from inpaint.batch.shares import check_share
from inpaint.errors import InpaintError

# Items in each task: few, so that rows come back soon and no actor has a long last task; but so
# many that a million items are not a million tasks.
LEAST_ROWS, MOST_ROWS, MOST_TASKS, TASKS_AN_ACTOR = 1, 16, 20_000, 16


class Actor:
    """An ``ItemFiller`` in an actor; rows are sent as JSON, for names that are not UTF-8."""

    def __init__(self, setup: str) -> None:
        self._fill = ItemFiller(Setup.from_json(setup))
        self._fill.hold_memory()

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        """Fill one item."""
        return {"row": json.dumps(self._fill(json.loads(row["item"])))}


def actors(
    feed: Iterator[Row], setup: Setup, *, workers: int | None, total: int | None, stop: Stop
) -> Iterator[Row]:
    """Fill items in Ray Data actors; rows that have a status already pass through.

    Rows carry paths, so images and outputs must lie where every machine of the cluster finds
    them under the same name: a shared mount, or a URL. Ray Data holds back what actors cannot
    take yet; the list of items itself is in the memory of the machine that starts the run.

    Parameters
    ----------
    feed : iterator of dict
        Items, all of them read at once.
    setup : Setup
        For every actor; its ``memory`` is left for here to say.
    workers : int, optional
        Actors; by default one for each core of the cluster.
    total : int, optional
        Bytes of memory for all actors; Ray reserves each its share.
    stop : Stop
        Once set, what is in work is dropped; the next run fills it again.

    Yields
    ------
    dict
        Rows in the order in which Ray returns them. An item whose actor died for good comes as
        one to retry, or as failed when careful.

    Raises
    ------
    InpaintError
        If Ray is missing or the cluster cannot be reached, no machine of it has an actor's share
        of the memory, or the actors cannot start.
    """
    items: dict[str, str] = {}
    for item in feed:
        if "status" in item:
            yield item
        else:
            items[item["path"]] = json.dumps(item)
    if not items:
        return
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, workers)
    try:
        results = _results(ray, list(items.values()), setup, workers, total)
        for result in results:
            row: Row = json.loads(result["row"])
            items.pop(row["path"], None)
            yield row
            if stop.is_set():
                with _hushed():  # it would report the actors that we end
                    results.close()
                    if ours:
                        ray.shutdown()
                return
    except ray.exceptions.RayError as error:
        raise InpaintError(f"Ray stopped: {_cause(error)}") from error
    finally:
        if ours:
            ray.shutdown()
    for text in items.values():
        item = json.loads(text)
        row = {key: item[key] for key in ("path", "mask", "out")}
        row |= {"status": FAILED if setup.careful else RETRY, "seconds": None}
        row |= {"error": "the Ray actor that filled it died"}
        yield row | claim(item.get("known"))


def _ray() -> Any:
    # Nothing is sent anywhere: Ray would report its use otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise InpaintError(
            "--engine ray needs Ray; run: pip install 'latent-inpaint[ray]', or use --engine local"
        ) from None
    for name in ("ray", "ray.data"):  # it would tell of every dataset on stderr
        logging.getLogger(name).setLevel(logging.ERROR)
    return ray


def _connect(ray: Any, workers: int | None) -> None:
    """Join the cluster at RAY_ADDRESS, or start Ray on this machine."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not os.environ.get("RAY_ADDRESS"):
        options |= {"include_dashboard": False}
        # Ray would run its workers at 15, behind everything else on the machine.
        os.environ.setdefault("RAY_worker_niceness", "0")
        if workers is not None:
            options["num_cpus"] = max(workers, 1)
    try:
        with _hushed():
            ray.init(**options)
    except Exception as error:  # ConnectionError, RuntimeError, ValueError and others
        where = os.environ.get("RAY_ADDRESS", "this machine")
        raise InpaintError(
            f"Ray cannot be reached at {where} ({_cause(error)}); check RAY_ADDRESS, and "
            "RAY_AUTH_TOKEN where the cluster asks for one"
        ) from error


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what Ray says of its own from stderr; its C++ part goes by the file descriptor.

    The level of its log holds until the process ends, but setting it is announced on stderr too.
    """
    if os.environ.get("INPAINT_DEBUG"):
        yield
        return
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def _results(
    ray: Any, items: list[str], setup: Setup, workers: int | None, total: int | None
) -> Generator[dict[str, str], None, None]:
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # their items are tried again alone
    resources = ray.cluster_resources()
    workers = workers or max(int(resources.get("CPU", 1)), 1)
    workers = min(workers, len(items))
    if total is not None:
        setup = replace(setup, memory=_share(ray, total, workers))
    rows = min(max(len(items) // (TASKS_AN_ACTOR * workers), LEAST_ROWS), MOST_ROWS)
    tasks = min(-(-len(items) // rows), MOST_TASKS)
    needs: dict[str, Any] = {"num_cpus": 1}
    gpus = resources.get("GPU", 0)
    if gpus and setup.options.device != "cpu":
        needs["num_gpus"] = min(1.0, gpus / workers)
    if setup.memory is not None:
        needs["memory"] = setup.memory
    data = ray.data.from_items([{"item": item} for item in items], override_num_blocks=tasks)
    filled = data.map(
        Actor,
        fn_constructor_kwargs={"setup": setup.to_json()},
        compute=ActorPoolStrategy(size=workers),
        runtime_env={"env_vars": dict.fromkeys(THREADS, "1")},
        **needs,
    )
    yield from filled.iter_rows()


def _share(ray: Any, total: int, workers: int) -> int:
    """Bytes for each actor; without this check Ray would wait for a larger machine for ever."""
    share = total // workers
    most = max((node["Resources"].get("memory", 0) for node in ray.nodes()), default=0)
    if share > most:
        raise InpaintError(
            f"each of {workers} actors would get {share / (1 << 30):.1f} GB of --memory, and the "
            f"largest machine offers Ray {most / (1 << 30):.1f} GB; lower --memory"
        )
    check_share(total, workers, "actors")
    return share


def _cause(error: BaseException) -> str:
    """The last line of what Ray says, which is the error of the actor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
