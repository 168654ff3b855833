"""What came of a run over a folder, counted as its rows come."""

from __future__ import annotations

from dataclasses import dataclass, field

from inpaint.batch.rows import DONE, FAILED, KEPT, ORPHAN, Row

NAMED = 100  # failures to keep in memory; all are in the manifest


@dataclass
class Summary:
    """What came of a run.

    ``copied`` are those of ``done`` that had no object to remove, ``skipped`` those that were left
    out for it. ``orphans`` are masks that belong to no image, ``beside`` masks that lie beside
    images and are not filled as images. ``failures`` holds the first rows that failed and
    ``failed`` counts all; ``notes`` and ``noted`` likewise for images that were filled, but not as
    usual.
    """

    total: int = 0
    done: int = 0
    kept: int = 0
    checked: int = 0
    copied: int = 0
    skipped: int = 0
    failed: int = 0
    orphans: int = 0
    beside: int = 0
    seconds: float = 0.0
    failures: list[Row] = field(default_factory=list)
    noted: int = 0
    notes: list[Row] = field(default_factory=list)
    interrupted: bool = False
    stopped: str | None = None

    @property
    def rate(self) -> float:
        """Images filled in each second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> int:
        """How many images have no row yet."""
        return max(self.total - self.behind, 0)

    @property
    def behind(self) -> int:
        """How many images have a row."""
        return self.done + self.kept + self.checked + self.skipped + self.failed

    def add(self, row: Row) -> None:
        """Count a row."""
        status = row["status"]
        if status == ORPHAN:
            if row["beside"]:
                self.beside += 1
            else:
                self.orphans += 1
            return
        setattr(self, status, getattr(self, status) + 1)
        self.copied += status == DONE and bool(row.get("copied"))
        if status == FAILED and len(self.failures) < NAMED:
            self.failures.append(row)
        if status == DONE and row.get("note"):
            self.noted += 1
            if len(self.notes) < NAMED:
                self.notes.append(row)

    def lost(self, row: Row) -> None:
        """Count an output as failed that was counted as done or kept, and is gone."""
        known = DONE if row["status"] == DONE else KEPT
        setattr(self, known, getattr(self, known) - 1)
        self.copied -= known == DONE and bool(row.get("copied"))
        self.add({**row, "status": FAILED})
