"""``report.html``: a single file that holds the whole report, pictures included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from inpaint.evaluate import figures, gallery
from inpaint.evaluate.distances import ENOUGH
from inpaint.evaluate.plots import swatch
from inpaint.evaluate.run import Failure
from inpaint.evaluate.store import Row, Store, place
from inpaint.evaluate.summary import ALL, LOWER_IS_BETTER, Group
from inpaint.evaluate.table import COLUMNS, arrow, best, seconds

TEMPLATE = Path(__file__).with_name("report.html")
TITLE = "Inpainting, measured"
CONVENTIONS = (
    "Filled images are compared with the originals as composites in 8 bit RGB at full size: known "
    "pixels are the original's, in every method's input and result; the hole was erased to 0 "
    "before any method saw the image.",
    "PSNR is 10 log10(255² / MSE) of each image, over all pixels or over the hole's, averaged in "
    "dB; equal images (infinite) are left out. L1 is the mean absolute error in % of 255.",
    "SSIM follows Wang et al. 2004: Gaussian window 11x11, sigma 1.5, population covariances, "
    "mean of R, G and B. LPIPS is v0.1 with AlexNet, of the whole image. KID is computed on "
    "AlexNet features of whole sets and compares with itself only, not with the Inception KID of "
    "papers.",
    "Intervals are percentile bootstraps of the mean with 2,000 resamples. They cover the choice "
    "of images, not of seeds or trainings. Ratio buckets hold their upper bound.",
)


@dataclass(frozen=True)
class Contents:
    """What a report is about.

    Attributes
    ----------
    masks, methods : sequence of str
        In the order to show; the first method is the one compared with.
    groups : sequence of Group
        From ``summary.summarise``.
    rows : sequence of dict
        From ``run.run_methods``.
    failures : sequence of Failure
        Named at the top.
    facts : mapping of str to str
        Command line, seed, versions, threads: what is needed to repeat the evaluation.
    """

    masks: Sequence[str]
    methods: Sequence[str]
    groups: Sequence[Group]
    rows: Sequence[Row]
    failures: Sequence[Failure]
    facts: Mapping[str, str]


def render(
    contents: Contents,
    store: Store,
    truths: Callable[[set[str]], Iterable[tuple[str, np.ndarray]]],
) -> str:
    """Return the page, which has no scripts and loads nothing; equal input gives equal pages.

    Parameters
    ----------
    contents : Contents
        The numbers.
    store : Store
        Where fills and masks lie.
    truths : callable
        Yields (name, (H, W, 3) uint8 RGB) for a set of names.
    """
    images = {r["name"] for r in contents.rows}
    lead = (
        f"{_count(len(images), 'image')}, {_count(len(contents.masks), 'kind')} of mask, "
        f"{_count(len(contents.methods), 'method')}, {len(contents.rows):,} measurements."
    )
    links = {"summary": "Summary", "plots": "Plots", "cases": "Cases", "how": "How measured"}
    first = contents.methods[0]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=TITLE,
        lead=lead,
        nav="".join(f'<a href="#{key}">{text}</a>' for key, text in links.items()),
        failures=_failures(contents.failures),
        first=escape(first),
        kid_rule=(
            f"KID needs {ENOUGH} images of one size."
            if not any(g.kid for g in contents.groups)
            else ""
        ),
        tables="".join(_table(contents, mask) for mask in contents.masks),
        plots=figures.plots(contents.groups, contents.masks, contents.methods),
        order=f"Ranked by the LPIPS of <b>{escape(first)}</b>, the method compared with.",
        scaling=(
            f"Pictures are at most {gallery.SIDE} px; small ones are enlarged by whole factors."
        ),
        cases=_cases(contents, store, truths),
        how=_how(contents.facts),
    )


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    items = []
    for f in failures:
        where = ", ".join(filter(None, (f.mask, f.method)))
        items.append(f"<li><b>{escape(f.name)}</b> {escape(where)}: {escape(f.reason)}</li>")
    title = f"{_count(len(failures), 'thing')} could not be measured"
    return f'<div class="failures" id="failures"><b>{title}</b><ul>{"".join(items)}</ul></div>'


def _table(contents: Contents, mask: str) -> str:
    groups = [g for g in contents.groups if g.mask == mask and g.bucket == ALL]
    with_kid = any(g.kid for g in groups)
    heads = [f"{name} {arrow(metric)}" for name, metric, _ in COLUMNS]
    heads += [f"KID (AlexNet) {arrow('kid')}"] if with_kid else []
    ratios = [g.mask_ratio for g in groups if g.mask_ratio is not None]
    share = f", {100 * float(np.mean(ratios)):.0f} % of the image on average" if ratios else ""
    rows = []
    for g in groups:
        cells = [_cell(g, groups, metric, form) for _, metric, form in COLUMNS]
        if with_kid:
            value = f"{g.kid.mean:.3f} <span class=std>± {g.kid.std:.3f}</span>" if g.kid else ""
            cells.append(f"<td>{value}</td>")
        count = f"{g.n}" + (f"<small>{len(g.failed)} failed</small>" if g.failed else "")
        mark = swatch(contents.methods.index(g.method))
        rows.append(f"<tr><td>{mark}{escape(g.method)}</td><td>{count}</td>{''.join(cells)}</tr>")
    head = "".join(f"<th>{h}</th>" for h in ["method", "n", *heads])
    return (
        f"<h3>{escape(mask)}<span class=std>{share}</span></h3>"
        f'<div class="wide"><table class="numbers"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(g: Group, groups: Sequence[Group], metric: str, form: str) -> str:
    stat = g.stats[metric]
    if stat.mean is None:
        return f"<td>{'∞' if g.perfect and metric.startswith('psnr') else ''}</td>"
    if metric == "seconds":
        return f"<td>{seconds(g.median_seconds or 0)}</td>"
    kind = ' class="best"' if stat.mean == best(groups, metric) else ""
    text = f"<span{kind}>{stat.mean:{form}}</span>"
    if stat.std is not None:
        text += f" <span class=std>± {stat.std:{form}}</span>"
        text += f"<small>{stat.low:{form}} to {stat.high:{form}}</small>"
    diff = g.diffs.get(metric)
    if diff and diff.mean is not None:
        change = f"Δ {_signed(diff.mean, form)}"
        kind = ""
        if diff.low is not None and diff.high is not None:
            change += f"<br>{_signed(diff.low, form)} to {_signed(diff.high, form)}"
            if diff.low > 0 or diff.high < 0:
                better = (diff.mean < 0) == (metric in LOWER_IS_BETTER)
                kind = ' class="better"' if better else ' class="worse"'
        text += f"<small{kind}>{change}</small>"
    return f"<td>{text}</td>"


def _cases(
    contents: Contents,
    store: Store,
    truths: Callable[[set[str]], Iterable[tuple[str, np.ndarray]]],
) -> str:
    chosen = gallery.worst_and_best(
        contents.rows,
        first=contents.methods[0],
        masks=contents.masks,
        columns=len(contents.methods) + 2,
    )
    wanted = {name for worst, best_ in chosen.values() for name in (*worst, *best_)}
    rows = {(r["mask"], r["name"], r["method"]): r for r in contents.rows}
    lines: dict[tuple[str, str], str] = {}
    # Only one image is in memory at a time, since photos are large; their file is read once.
    for name, truth in truths(wanted):
        for mask, (worst, best_) in chosen.items():
            if name in worst or name in best_:
                found = {m: rows.get((mask, name, m)) for m in contents.methods}
                lines[mask, name] = _case(mask, name, truth, found, store)
    parts = []
    for mask, (worst, best_) in chosen.items():
        for title, names in (("worst first", worst), ("best first", best_)):
            body = "".join(lines.get((mask, name), "") for name in names)
            if body:
                parts.append(
                    f"<h3>{escape(mask)}: {title}</h3>"
                    f'<div class="wide"><table class="cases">{body}</table></div>'
                )
    return "".join(parts)


def _case(
    mask: str, name: str, truth: np.ndarray, found: Mapping[str, Row | None], store: Store
) -> str:
    hole = store.read_png(place("masks", mask, name)) > 0
    scores = [r["lpips"] for r in found.values() if r and r["lpips"] is not None]
    ratio = f"{100 * float(hole.mean()):.0f} % hole"
    size = f"{truth.shape[1]}x{truth.shape[0]}"
    cells = [f"<td><b>{escape(name)}</b>{ratio}<br>{size}</td>"]
    cells.append(f'<td>{gallery.shown(truth, hole)}<span class="who">input</span></td>')
    for method, row in found.items():
        label = f'<span class="who">{escape(method)}</span>'
        if row is None:
            cells.append(f'<td><div class="none">no result</div>{label}</td>')
            continue
        top = len(scores) > 1 and row["lpips"] == min(scores)
        psnr = "∞" if row["psnr_hole"] is None else f"{row['psnr_hole']:.1f}"
        value = f"{psnr} dB" + ("" if row["lpips"] is None else f" · {row['lpips']:.3f}")
        kind = "value best" if top else "value"
        picture = gallery.shown(store.read_png(row["fill"]))
        cells.append(f'<td>{picture}{label}<span class="{kind}">{value}</span></td>')
    cells.append(f'<td>{gallery.shown(truth)}<span class="who">truth</span></td>')
    return f'<tr data-name="{escape(name)}">{"".join(cells)}</tr>'


def _how(facts: Mapping[str, str]) -> str:
    text = "".join(f"<p>{escape(p)}</p>" for p in CONVENTIONS)
    rows = "".join(
        f"<dt>{escape(k)}</dt><dd><code>{escape(v)}</code></dd>" for k, v in facts.items()
    )
    return f"{text}<h3>To do it again</h3><dl>{rows}</dl>"


def _signed(value: float, form: str) -> str:
    return f"{value:+{form}}".replace("-", "\N{MINUS SIGN}")


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
