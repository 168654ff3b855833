"""``inpaint serve``: the page to remove objects by pointing, and its HTTP API."""

from __future__ import annotations

from pathlib import Path

import click

from inpaint.cli.filling import DEVICE
from inpaint.errors import InpaintError

_MISSING = "the page needs the extra 'web'; install it with: pip install 'latent-inpaint[web]'"


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8123,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0: any free one.",
)
@click.option("--open", "browse", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--prior",
    "priors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder or ONNX file of a prior to offer as well; may be repeated.",
)
@click.option("--device", default="auto", show_default=True, help=DEVICE)
@click.option("--max-mb", default=200, show_default=True, type=click.IntRange(1), help="Of a file.")
@click.option(
    "--max-pixels",
    default=50_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Of a photo.",
)
@click.option(
    "--memory", default="2G", show_default=True, help="For all open photos and their fills."
)
@click.option(
    "--queue",
    "waiting",
    default=8,
    show_default=True,
    type=click.IntRange(1),
    help="Fills that may wait.",
)
@click.option(
    "--idle",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Forget a photo whose page is silent for so long.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Host name to answer to beside addresses and localhost; may be repeated.",
)
def command(
    host: str,
    port: int,
    browse: bool,
    priors: tuple[Path, ...],
    device: str,
    max_mb: int,
    max_pixels: int,
    memory: str,
    waiting: int,
    idle: float,
    names: tuple[str, ...],
) -> None:
    """Serve a page to drop a photo, brush over objects and fill them; Ctrl-C ends it.

    Works without internet. Only this computer can reach it unless --host says otherwise; photos
    stay in memory and are forgotten when their page closes.
    """
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise InpaintError(_MISSING) from None
    from inpaint.batch.shares import parse
    from inpaint.errors import SelectionError
    from inpaint.web.settings import Settings
    from inpaint.zoo import registry

    own: dict[str, str] = {}
    for folder in priors:
        registry.prior_config(str(folder))  # what cannot be used is refused before the page opens
        name = folder.resolve().name
        if name in own or name == "auto":
            raise SelectionError(f"two priors would be called {name!r}; rename a folder")
        own[name] = str(folder.resolve())
    settings = Settings(
        host=host,
        names=names,
        own_priors=own,
        device=device,
        max_bytes=max_mb << 20,
        max_pixels=max_pixels,
        memory=parse(memory),
        waiting=waiting,
        idle=idle * 60,
    )
    from inpaint.web.server import serve

    serve(settings, port=port, browse=browse, say=lambda text: click.echo(text, err=True))
