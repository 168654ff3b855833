"""The parts of ``inpaint batch``: manifest, places, memory, what may be replaced, signals."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from small_disk import small_disk

from inpaint import images
from inpaint.batch import shares
from inpaint.batch.control import Lock, Stop
from inpaint.batch.disk import Disk
from inpaint.batch.folder import is_full
from inpaint.batch.holes import looks_inverted
from inpaint.batch.item import item_seed
from inpaint.batch.manifest import Manifest
from inpaint.batch.options import Options, Setup
from inpaint.batch.ray import _connect, _share
from inpaint.batch.remote import Remote
from inpaint.batch.rows import started, with_written
from inpaint.batch.shares import worker_shares
from inpaint.batch.state import open_manifest
from inpaint.batch.storage import is_file, is_folder, open_folder, parent
from inpaint.errors import ImageError, InpaintError, OutputError
from inpaint.system import memory
from inpaint.zoo import registry, weights

# The manifest


def row(path: str, status: str = "done", **more: object) -> dict[str, object]:
    return {"path": path, "status": status, **more}


def test_the_last_row_of_an_item_counts_and_survives_reopening(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.jsonl")
    odd = "n\nl \udce9.png"
    manifest.begin([started("a", "a", None), started(odd, odd, None)])
    manifest.add(row("a", out_sha256="1"))
    manifest.add(row(odd, note="x" * 5000))
    for one in (manifest, Manifest(tmp_path / "m.jsonl")):
        assert one.get("a") == row("a", out_sha256="1")
        assert one.get(odd) == row(odd, note="x" * 5000)
        assert one.get("b") is None


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    whole = json.dumps(row("a")) + "\n"
    for cut in range(1, len(whole)):
        path.write_text(whole + whole.replace('"a"', '"b"')[:cut])
        manifest = Manifest(path)
        assert manifest.get("b") is None
        manifest.add(row("c"))
        manifest.close()
        again = Manifest(path)
        assert again.get("a") == row("a")
        assert again.get("c") == row("c")
        again.close()


def test_a_limit_on_file_sizes_leaves_whole_lines_and_is_named(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.jsonl")
    manifest.add(row("a"))
    with small_disk(100), pytest.raises(OutputError, match="ulimit -f"):
        manifest.add(row("b" * 200))
    manifest.add(row("c"))
    again = Manifest(tmp_path / "m.jsonl")
    assert [again.get(name) is not None for name in ("a", "b" * 200, "c")] == [True, False, True]


def test_a_started_row_remembers_what_was_there_before() -> None:
    done = row("a", out_sha256="1")
    first = started("a", "a", done)
    assert (first["before"], first["wrote"]) == ("1", [])
    assert started("a", "a", first)["before"] == "1"
    failed = row("a", "failed", before="1", wrote=["2"])
    again = started("a", "a", failed)
    assert (again["before"], again["wrote"]) == ("1", ["2"])
    older = {**started("a", "a", None), "empty": True}  # as version 0.1 wrote it
    assert started("a", "a", older)["empty"] is True


def test_what_a_killed_worker_wrote_is_added_to_its_row() -> None:
    begun = started("a", "a", row("a", out_sha256="1"))
    noted = with_written(begun, "a", "a", "2")
    assert noted is not None
    assert (noted["before"], noted["wrote"]) == ("1", ["2"])
    assert with_written(noted, "a", "a", "2") is None
    assert with_written(row("a", out="a", out_sha256="1"), "a", "a", "2") is None
    lost = with_written(None, "a", "a", "2")
    assert lost is not None
    assert (lost["status"], lost["wrote"]) == ("started", ["2"])


def test_a_remote_manifest_is_sent_in_parts_and_read_again() -> None:
    url = f"memory://manifest-{time.time_ns()}"
    manifest = open_manifest(Remote(url))
    manifest.begin([started("a", "a", None)])
    assert open_manifest(Remote(url)).get("a") is not None  # sent before any work
    manifest.add(row("a"))
    manifest.close()
    assert open_manifest(Remote(url)).get("a") == row("a")


def test_opening_clears_what_a_kill_left_half_written(tmp_path: Path) -> None:
    open_manifest(Disk(tmp_path))
    left = tmp_path / ".inpaint" / "tmp" / ".inpaint-1.tmp"
    left.write_bytes(b"half")
    open_manifest(Disk(tmp_path))
    assert not left.exists()


def test_a_second_run_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Lock(Disk(tmp_path)), pytest.raises(OutputError, match="another run"):
        Lock(Disk(tmp_path), wait=0).__enter__()
    with Lock(Disk(tmp_path), wait=0):
        pass


# Places


@pytest.mark.parametrize("kind", ["disk", "file", "memory"])
def test_all_kinds_of_places_read_write_and_list_alike(tmp_path: Path, kind: str) -> None:
    place = {
        "disk": str(tmp_path / "x y"),
        "file": (tmp_path / "x y").as_uri(),
        "memory": f"memory://x-{time.time_ns()}",
    }[kind]
    folder = open_folder(place)
    assert folder.list("").files == []
    data = b"\x89PNG\r\n\x1a\n" + bytes(100)
    for name in ("b.png", "sub/größe #1?.png", "a.png"):
        assert not folder.exists(name)
        folder.write(name, data)
        assert folder.exists(name)
        assert folder.read(name) == data
    assert folder.list("").files == ["a.png", "b.png"]
    assert folder.list("").folders == ["sub"]
    assert folder.list("sub").files == ["größe #1?.png"]
    assert is_folder(place)
    assert is_file(f"{place}/a.png")
    assert parent(f"{place}/a.png")[1] == "a.png"
    before = folder.stamp("a.png", own=True)
    assert before is not None
    assert folder.stamp("a.png", own=True) == before
    time.sleep(0.01)
    folder.write("a.png", data + b"x")
    assert folder.stamp("a.png", own=True) != before
    with pytest.raises(ImageError, match=r"none\.png"):
        folder.read("none.png")


def test_a_file_that_was_just_written_has_no_stamp_yet(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    folder = Disk(tmp_path)
    assert folder.stamp("a") is None
    old = time.time_ns() + 10**9
    assert folder.stamp("a", own=True) is not None
    os.utime(tmp_path / "a", ns=(old, old))
    assert folder.stamp("a") is None  # a clock that runs ahead cannot be trusted either


def test_unknown_urls_are_one_line() -> None:
    with pytest.raises(InpaintError, match="nosuch://x cannot be opened"):
        open_folder("nosuch://x")


def test_writing_keeps_times_and_never_shows_a_part(tmp_path: Path) -> None:
    folder = Disk(tmp_path)
    folder.write("a.png", b"old")
    folder.write("a.png", b"new", times=(10**18, 2 * 10**18))
    assert (tmp_path / "a.png").stat().st_mtime_ns == 2 * 10**18
    with small_disk(10), pytest.raises(OutputError, match="ulimit -f"):
        folder.write("a.png", bytes(100))
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert list((tmp_path / ".inpaint" / "tmp").iterdir()) == []


# Memory


@pytest.mark.parametrize(
    ("text", "expected"), [("4G", 4 << 30), ("500m", 500 << 20), ("1.5GiB", 3 << 29), ("8", 8)]
)
def test_sizes(text: str, expected: int) -> None:
    assert shares.parse(text) == expected


@pytest.mark.parametrize("text", ["", "4X", "-1G", "0", "nan", "G"])
def test_senseless_sizes(text: str) -> None:
    with pytest.raises(InpaintError, match="4G"):
        shares.parse(text)


def test_what_counts_as_out_of_memory() -> None:
    class OutOfMemoryError(RuntimeError):
        """As torch names it."""

    hidden = ImageError("x does not fit into memory")
    hidden.__cause__ = MemoryError()
    cpu = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
    for error in (MemoryError(), hidden, cpu, OutOfMemoryError("CUDA")):
        assert memory.ran_out(error), error
    for other in (None, ValueError("bad"), ImageError("damaged")):
        assert not memory.ran_out(other), other


def test_a_held_process_runs_out_instead_of_growing() -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            memory.hold(memory.resident() + (1 << 30))
            np.zeros(3 << 30, np.uint8).sum()
            answer = b"grew"
        except MemoryError:
            answer = b"held"
        os.write(write, answer)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 4) == b"held"


def test_the_crew_fits_into_memory() -> None:
    assert worker_shares("local", 2, 4 << 30) == (2, 2 << 30, 4 << 30)
    assert worker_shares("local", None, 1 << 30) == (1, 1 << 30, 1 << 30)
    assert worker_shares("local", 0, None) == (0, None, None)
    assert worker_shares("ray", None, None) == (None, None, None)
    assert worker_shares("ray", 2, 4 << 30) == (2, None, 4 << 30)
    with pytest.raises(InpaintError, match="cannot share"):
        worker_shares("local", 8, 4 << 30)
    with pytest.raises(InpaintError, match="--workers 0 has none"):
        worker_shares("local", 0, 4 << 30)


def test_without_a_limit_a_second_try_alone_has_all_that_workers_share() -> None:
    workers, share, total = worker_shares("local", 2, None)
    assert workers == 2
    assert share is not None
    assert total is not None
    assert share == total // 2


def test_freed_memory_goes_back_to_the_system() -> None:
    if memory._malloc_trim() is None or not memory.resident():
        pytest.skip("not glibc")
    before = memory.resident()
    blocks = [bytes([1]) * 100_000 for _ in range(1000)]  # each below what is mapped on its own
    last = blocks[-1]
    del blocks  # the last keeps the heap from shrinking by itself
    memory.trim()
    assert last
    assert memory.resident() < before + (20 << 20)


class FakeRay:
    """Knows only its machines."""

    def __init__(self, *gigabytes: float) -> None:
        self._nodes = [{"Resources": {"memory": size * (1 << 30)}} for size in gigabytes]

    def nodes(self) -> list[dict[str, dict[str, float]]]:
        return [*self._nodes, {"Resources": {}}]  # one that is gone


def test_ray_shares_the_memory_and_refuses_what_no_machine_has() -> None:
    assert _share(FakeRay(4, 8), 12 << 30, 2) == 6 << 30
    with pytest.raises(InpaintError, match=r"offers Ray 8\.0 GB; lower --memory"):
        _share(FakeRay(4, 8), 20 << 30, 2)
    with pytest.raises(InpaintError, match="cannot share"):
        _share(FakeRay(4, 8), 1 << 30, 2)


@pytest.mark.parametrize("address", ["", "10.0.0.1:6379"])
def test_ray_joins_the_cluster_at_its_address_or_starts_here(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(FakeRay, "init", lambda self, **options: asked.update(options), False)
    _connect(FakeRay(), 3)
    # A cluster's processors are not ours to count: Ray refuses ``num_cpus`` there.
    assert asked.get("num_cpus") == (None if address else 3)


def test_a_cluster_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(self: FakeRay, **options: object) -> None:
        raise ConnectionError("no\nanswer")

    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr(FakeRay, "init", init, False)
    with pytest.raises(InpaintError, match=r"at 10\.0\.0\.1:6379 \(answer\); check RAY_ADDRESS"):
        _connect(FakeRay(), None)


def test_only_a_disk_without_room_is_full() -> None:
    def caused(code: int) -> OutputError:
        try:
            raise OutputError("x") from OSError(code, "y")
        except OutputError as error:
            return error

    assert is_full(caused(errno.ENOSPC))
    assert is_full(caused(errno.EROFS))
    assert not is_full(caused(errno.EACCES))
    assert not is_full(OutputError("x"))


# Seeds, options, masks


def test_the_seed_comes_from_the_path_alone_and_fits_fill() -> None:
    seeds = {item_seed(f"{k}.png", Options()) for k in range(1000)}
    assert len(seeds) == 1000
    assert max(seeds) < 2**62
    assert item_seed("a.png", Options(prior="x")) == item_seed("a.png", Options())
    assert item_seed("a.png", Options(seed=1)) != item_seed("a.png", Options())


def test_every_option_changes_the_fingerprint(tiny_folders: dict[str, str]) -> None:
    options = [
        Options(),
        Options(prior=tiny_folders["vae"]),
        Options(prior=tiny_folders["gaussian"]),
        Options(class_name="cat"),
        Options(mode="psnr"),
        Options(stages=()),
        Options(faces=False),
        Options(steps=1),
        Options(seed=1),
        Options(device="cpu"),
        Options(grow=1.0),
        Options(invert=True),
        Options(format="png"),
        Options(quality=90),
        Options(keep_times=True),
    ]
    assert len({one.fingerprint() for one in options}) == len(options)
    assert Options().fingerprint() == Options().fingerprint()


def test_weights_that_take_part_change_the_fingerprint_and_others_do_not(
    tiny_folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, changed = weights.read_config, {"folder": "", "key": ""}

    def read(folder: Path) -> dict[str, object]:
        config = real(folder)
        return config | {changed["key"]: "new"} if folder.name == changed["folder"] else config

    monkeypatch.setattr("inpaint.zoo.weights.read_config", read)
    monkeypatch.setattr("inpaint.zoo.registry.read_config", read)
    # No file changes here, so what was read before would do.
    monkeypatch.setattr("inpaint.zoo.registry._scanned", registry._scanned.__wrapped__)
    faces, auto = Options(prior="faces64-vae"), Options()
    own = Options(prior=tiny_folders["vae"])
    before = [one.fingerprint() for one in (faces, auto, own)]
    for folder, key, expected in (
        ("faces64-attention", "sha256", [False, False, True]),  # a refiner
        ("faces64-gaussian", "sha256", [False, False, True]),  # helps the VAE of its family
        ("scenes64-gaussian", "sha256", [True, False, True]),
        ("portraits32-finder", "sha256", [True, False, True]),  # looks for faces
        ("faces64-vae", "measured", [True, True, True]),  # a card's figure
        (Path(tiny_folders["vae"]).name, "sha256", [True, True, False]),
    ):
        changed |= {"folder": folder, "key": key}
        now = [one.fingerprint() for one in (faces, auto, own)]
        assert [a == b for a, b in zip(before, now, strict=True)] == expected, folder


def test_a_setup_survives_its_line_of_json() -> None:
    setup = Setup("in", None, "out \udce9", Options(stages=("poisson",)), "f", memory=5)
    assert "\n" not in setup.to_json()
    assert setup.to_json().isascii()
    assert Setup.from_json(setup.to_json()) == setup


def test_masks_that_look_inverted() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:12, 5:12] = True
    assert looks_inverted(~mask)
    assert not looks_inverted(mask)
    half = np.zeros((20, 30), bool)
    half[:, :16] = True
    assert not looks_inverted(half)  # half an image may well be missing


# Signals


def test_the_first_signal_asks_and_the_second_interrupts() -> None:
    stop, warned = Stop(), []
    before = signal.getsignal(signal.SIGINT)
    with stop.listening(lambda: warned.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()
        assert warned == [1]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_reading_bytes_is_what_read_decodes(tmp_path: Path) -> None:
    picture = images.from_array(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    images.write(tmp_path / "a.png", picture)
    assert images.read_bytes(tmp_path / "a.png") == (tmp_path / "a.png").read_bytes()
