"""The examples in docstrings run as they are written."""

from __future__ import annotations

import doctest
import importlib

import pytest

# Public names that must show how they are used, by their module.
SHOWN = {
    "inpaint.pipeline.compose": ("fill", "complete"),
    "inpaint.search.latent": ("search",),
    "inpaint.search.options": ("SearchOptions",),
    "inpaint.priors.gaussian": ("Gaussian",),
    "inpaint.masks.objects": ("",),
    "inpaint.evaluate.results": ("evaluate",),
    "inpaint.restore": ("restore",),
}


@pytest.mark.parametrize("name", SHOWN)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    examples = {test.name: test for test in doctest.DocTestFinder().find(module, name)}
    for shown in SHOWN[name]:
        full = f"{name}.{shown}" if shown else name
        assert examples[full].examples, f"{full} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    said: list[str] = []
    for test in examples.values():
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def test_a_wrong_example_would_be_seen() -> None:
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    runner = doctest.DocTestRunner()
    runner.run(test, out=lambda text: None)
    assert runner.failures == 1
