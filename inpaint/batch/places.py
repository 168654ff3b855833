"""The folders of images, masks and outputs: checked against each other, then walked."""

from __future__ import annotations

from collections.abc import Iterator

from inpaint.batch import pairing
from inpaint.batch.annotated import ENDINGS, FOREIGN, refuse_url
from inpaint.batch.folder import Folder
from inpaint.batch.pairing import Item, Orphan, Problem
from inpaint.batch.storage import is_file, is_folder, local_path, open_folder, parent
from inpaint.errors import ImageError, InpaintError, MaskError, OutputError


class Places:
    """Where images, masks and outputs are.

    Parameters
    ----------
    images, masks, out : str
        Paths or URLs; ``masks`` may also be one file, or ``alpha``.
    format : str
        What outputs are named after, see ``pairing.outputs``.
    objects : str, optional
        The kind of annotations that ``masks`` holds, see ``Options``.

    Raises
    ------
    InpaintError
        If a place is empty, or a URL that cannot be opened.
    ImageError, MaskError
        If ``images`` or ``masks`` is not there.
    OutputError
        If an input folder lies in ``out``.
    """

    def __init__(
        self, images: str, masks: str, out: str, format: str, *, objects: str | None = None
    ) -> None:
        for place, option in ((images, "IMAGES"), (masks, "--masks"), (out, "--out")):
            if not place:  # a shell's unset variable, and not the working folder
                raise InpaintError(f"{option} is empty; give a path or URL")
        if not is_folder(images):
            what = "is a file; fill it with inpaint fill" if is_file(images) else "does not exist"
            raise ImageError(f"{images} {what}; give a folder of images")
        self.images, self.out = open_folder(images), open_folder(out)
        self.masks: Folder | None = None
        self.one: str | None = None
        self.masks_url: str | None = None
        self.format = format
        self.objects = objects
        if objects:
            refuse_url(masks)
            if is_folder(masks) != (objects in ENDINGS):
                what = "folder of files" if objects in ENDINGS else "file"
                raise MaskError(f"{masks} is no {what} of annotations; give one with --{objects}")
        if objects or masks != "alpha":
            if is_folder(masks):
                self.masks = open_folder(masks)
                self.masks_url = self.masks.url
            elif is_file(masks):
                self.masks_url, self.one = parent(masks)
            else:
                raise MaskError(
                    f"{masks} does not exist; give a folder of masks, one mask for all, or alpha"
                )
        self._refuse_outputs_among_inputs()
        self._skip_image = None
        if self.one is not None and self.masks_url is not None:
            self._skip_image = _file_below(open_folder(self.masks_url), self.one, self.images)
        shared = self.masks is not None and _same(self.masks, self.images)
        if shared:
            self.masks = self.images
        out_in_images, masks_in_images = _below(self.out, self.images), None
        out_in_masks = images_in_masks = None
        if self.masks is not None and not shared:
            masks_in_images = _below(self.masks, self.images)
            out_in_masks = _below(self.out, self.masks)
            images_in_masks = _below(self.images, self.masks)
        self._skip_images = frozenset(filter(None, (out_in_images, masks_in_images)))
        self._skip_masks = frozenset(filter(None, (out_in_masks, images_in_masks)))

    def _refuse_outputs_among_inputs(self) -> None:
        inputs = [(self.images, "IMAGES")]
        if self.masks is not None:
            inputs.append((self.masks, "--masks"))
        for folder, what in inputs:
            if _same(self.out, folder) or _below(folder, self.out):
                raise OutputError(
                    f"{what} {folder.url} lies in --out {self.out.url}; "
                    "inputs are never modified, choose another --out"
                )

    def plan(self) -> Iterator[Item | Problem | Orphan]:
        """Walk the folders once."""
        return pairing.plan_items(
            self.images,
            self.masks,
            one=self.one,
            format=self.format,
            skip_image=self._skip_image,
            skip_images=self._skip_images,
            skip_masks=self._skip_masks,
            notes=ENDINGS.get(self.objects or ""),
            foreign=FOREIGN,
        )


def _same(a: Folder, b: Folder) -> bool:
    if a.local and b.local:
        return local_path(a.url).resolve() == local_path(b.url).resolve()
    return a.url.rstrip("/") == b.url.rstrip("/")


def _file_below(folder: Folder, name: str, outer: Folder) -> str | None:
    """The path of a file relative to a folder that it lies in; None if it does not."""
    if _same(folder, outer):
        return name
    inner = _below(folder, outer)
    return None if inner is None else f"{inner}/{name}"


def _below(inner: Folder, outer: Folder) -> str | None:
    """The path of a folder relative to another that it lies in; None if it does not."""
    if inner.local != outer.local:
        return None
    if not inner.local:
        root = outer.url.rstrip("/") + "/"
        return inner.url.removeprefix(root).strip("/") if inner.url.startswith(root) else None
    a, b = local_path(inner.url).resolve(), local_path(outer.url).resolve()
    return a.relative_to(b).as_posix() if a != b and a.is_relative_to(b) else None
