"""``inpaint serve`` as people start and end it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inpaint.zoo import weights

COMMAND = [sys.executable, "-c", "from inpaint.cli import main; main()", "serve"]
Fails = Callable[..., str]


def start(*options: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A running server and what it said up to its address."""
    process = subprocess.Popen([*COMMAND, "--port", "0", *options], stdout=-1, stderr=-1, text=True)
    assert process.stderr
    said = [process.stderr.readline()]
    while said[-1] and "open http" not in said[-1]:
        said.append(process.stderr.readline())
    return process, said


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_answers_and_ends_quietly(by: signal.Signals) -> None:
    process, said = start()
    try:
        assert len(said) == 1
        url = said[0].split()[1]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert b"<title>inpaint</title>" in answer.read()
        process.send_signal(by)
        out, err = process.communicate(timeout=30)
        assert (out, err) == ("", "")
        assert process.returncode == (0 if by is signal.SIGINT else -signal.SIGTERM)
    finally:
        process.kill()


@pytest.mark.slow
def test_an_open_address_is_warned_of_and_own_priors_are_offered(
    tiny_folders: dict[str, str],
) -> None:
    process, said = start("--host", "0.0.0.0", "--prior", tiny_folders["gaussian"])
    try:
        assert "Warning: everybody who can reach" in said[0]
        with urllib.request.urlopen(f"{said[-1].split()[1]}api/about", timeout=30) as answer:
            assert b'"name":"gaussian"' in answer.read()
    finally:
        process.kill()
        process.communicate()


def test_a_port_in_use_is_one_line(fails: Fails) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "another --host or --port" in fails("serve", "--port", port)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--host", "no such host"], "cannot listen on"),
        (["--host", "203.0.113.7"], "cannot listen on"),
        (["--prior", "nowhere"], "unknown prior 'nowhere'"),
        (["--prior", "."], "config.json"),
        (["--memory", "much"], "expected a size"),
        (["--device", "tpu"], "unknown device"),
        (["--port", "99999"], "--port"),
        (["--idle", "0"], "--idle"),
    ],
)
def test_what_cannot_be_is_one_line(fails: Fails, options: list[str], word: str) -> None:
    assert word in fails("serve", *options)


def test_two_priors_of_one_name_are_refused(
    fails: Fails, desk: Path, tiny: Callable[..., Any]
) -> None:
    prior = tiny("gaussian")
    for folder in ("a/mine", "b/mine"):
        weights.save(desk / folder, prior.config(), prior.tensors())
    assert "called 'mine'" in fails("serve", "--prior", "a/mine", "--prior", "b/mine")


def test_the_missing_extra_is_named(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'latent-inpaint[web]'" in fails("serve")
