"""Methods by name: ``telea``, ``faces64-dcgan:steps=200,mode=psnr``, ``folder:results``.

Every method is a function (erased image, mask, seed) -> filled image; the hole is erased (0)
before any of them is called. Nothing heavy is imported until a method is parsed.
"""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpaint.errors import UnknownNameError
from inpaint.evaluate.method import Fill, Method, MethodError
from inpaint.stages.chain import AUTO, MODES
from inpaint.zoo import networks, registry
from inpaint.zoo.weights import CONFIG, read_config

if TYPE_CHECKING:
    import numpy as np

EXTERNAL = {
    "patchmatch": "PatchMatch (Barnes et al. 2009), if PyPatchMatch is installed",
    "gmic": "G'MIC inpaint_matchpatch, if the gmic program is installed",
    "folder": "folder:DIR, what another program made: DIR/NAME or DIR/MASK/NAME",
}
# What a method may choose of ``pipeline.complete``, beside all options of the search. The image,
# its hole and what seeds them are the protocol's.
_COMPLETE = ("class_name", "stages", "mode", "device", "context", "faces")
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def catalogue() -> dict[str, str]:
    """Return every method's name with one line about it."""
    from inpaint.pipeline.classical import SUMMARIES

    names = [*registry.priors(), *registry.installed_priors()]
    search = {name: "search of this prior" for name in names}
    ours = {
        "auto": "our default: the prior that suits the image",
        "reference": "the search of Yeh et al. 2017, 1500 Adam steps, Poisson blend",
    }
    return {**ours, **search, **SUMMARIES, **EXTERNAL}


def parse(text: str) -> Method:
    """Return the method that ``name`` or ``name:key=value,...`` means.

    Raises
    ------
    UnknownNameError
        If there is no such method or prior (with a hint), option (MethodError, naming the known
        ones), or value.
    InpaintError
        If the method needs a program or package that is not installed, with its install line.
    """
    from inpaint.evaluate import external
    from inpaint.pipeline.classical import BASELINES

    label = text.strip()
    name, _, rest = label.partition(":")
    if name == "folder":
        return external.folder(label, rest)
    pairs = _pairs(label, rest)
    label = ":".join([name, ",".join(f"{k}={v}" for k, v in pairs.items())]) if pairs else name
    if name in BASELINES:
        _no_others(label, pairs, ())
        return Method(label, _baseline(name))
    if name in EXTERNAL:
        _no_others(label, pairs, external.OPTIONS[name])
        return external.make(name, label, {k: _value(label, k, v, int) for k, v in pairs.items()})
    if name == "reference":
        return _reference(label, pairs)
    known = ("auto", *registry.priors(), *registry.installed_priors())
    if name in known or networks.is_network(name) or Path(name, CONFIG).is_file():
        return _prior(label, name, _options(label, pairs))
    raise UnknownNameError("method", name, catalogue())


def options() -> dict[str, Any]:
    """Return the options of a prior's fill, name -> type, as the code declares them."""
    from inpaint.pipeline import complete
    from inpaint.search import SearchOptions

    hints = typing.get_type_hints(complete)
    return {name: hints[name] for name in _COMPLETE} | typing.get_type_hints(SearchOptions)


def _baseline(name: str) -> Fill:
    from inpaint.pipeline.classical import baseline

    return lambda erased, mask, seed, case: baseline(name, erased, mask)


def _prior(label: str, name: str, chosen: Mapping[str, Any]) -> Method:
    from inpaint import images, pipeline

    def fill(erased: np.ndarray, mask: np.ndarray, seed: int, case: str) -> np.ndarray:
        result = pipeline.complete(
            images.from_array(erased), mask, prior=name, seed=seed, **options
        )
        return images.to_array(result.pictures[0])

    def load() -> None:
        from inpaint.devices import resolve

        where = str(resolve(chosen.get("device", "auto")))
        for one in names:
            registry.load_prior(one, where)
        for stage in set(chosen.get("stages", AUTO)) - set(AUTO):
            registry.stage(stage)

    options: dict[str, Any] = {k: v for k, v in chosen.items() if k in _COMPLETE}
    if own := {k: v for k, v in chosen.items() if k not in _COMPLETE}:
        options["search"] = own
    names = registry.priors() if name == "auto" else [name]
    configs = [registry.prior_config(one) for one in names]
    # A fill depends on the weights of the refiners as well as on those of the prior.
    configs += [read_config(folder) for folder in registry.refiners()]
    configs += list(registry.others("finder").values()) if name == "auto" else []
    digest = hashlib.sha256(json.dumps(configs, sort_keys=True).encode()).hexdigest()[:16]
    return Method(label, fill, digest, prepare=load)


def _reference(label: str, pairs: Mapping[str, str]) -> Method:
    from inpaint.search import REFERENCE

    _no_others(label, pairs, ("device", "prior"))
    name = pairs.get("prior", "faces64-dcgan")
    registry.check_prior(name)
    device = {k: v for k, v in pairs.items() if k == "device"}
    # As in the paper: one start, no choice among restarts, and only the Poisson blend after it.
    return _prior(label, name, {**REFERENCE, **device, "stages": ("poisson",), "mode": "sharp"})


def _pairs(label: str, text: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = (p.strip() for p in part.partition("="))
        if not (key and equals and value):
            raise MethodError(label, f"{part!r} is not an option; write name:key=value,key=value")
        pairs[key] = value
    return pairs


def _no_others(label: str, pairs: Mapping[str, str], known: Iterable[str]) -> None:
    for key in pairs:
        if key not in known:
            takes = f"known: {', '.join(sorted(known))}" if known else "it takes no options"
            raise MethodError(label, f"unknown option {key!r}; {takes}", known)


def _options(label: str, pairs: Mapping[str, str]) -> dict[str, Any]:
    if not pairs:
        return {}
    known = options()
    _no_others(label, pairs, known)
    values = {key: _value(label, key, text, known[key]) for key, text in pairs.items()}
    if "mode" in values:
        _choose(label, "mode", values["mode"], MODES)
    if "device" in values:
        from inpaint.devices import resolve

        resolve(values["device"])
    return values


def _value(label: str, key: str, text: str, kind: Any) -> Any:
    """Turn the text of an option into what its annotation asks for."""
    if key == "stages":
        names = [] if text == "none" else text.split("+")
        for name in names:
            _choose(label, key, name, [*registry.stages(), *AUTO, "none"])
        return tuple(names)
    kinds = [part for part in (kind, *typing.get_args(kind)) if part is not type(None)]
    literals = [v for part in kinds for v in _literals(part)]
    if literals:
        _choose(label, key, text, literals)
        return text
    kind = next((part for part in kinds if part in (bool, int, float)), kind)
    if kind is bool:
        _choose(label, key, text.lower(), ("true", "false"))
        return text.lower() == "true"
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            expected = _KINDS[kind.__name__]
            raise MethodError(label, f"{key} is {text!r}, expected {expected}") from None
    return text


def _literals(kind: Any) -> tuple[str, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def _choose(label: str, key: str, text: str, known: Iterable[str]) -> None:
    if text not in known:
        raise MethodError(label, f"{key} is {text!r}; known: {', '.join(known)}", known)
