"""Makes the seed of a file from its path, whatever other files there are, in any order."""

from __future__ import annotations

import hashlib
import unicodedata


def seed_for(relative_path: str, seed: int = 0) -> int:
    """Return the seed of a file: a stable hash, the same on every machine and in every run.

    Parameters
    ----------
    relative_path : str
        Path below the folder or inside the tar. Both slashes and both Unicode spellings of an
        accent give the same seed, so that a data set may travel between systems.
    seed : int
        The user's seed; another one gives each file another seed.

    Returns
    -------
    int
        In [0, 2⁶³).
    """
    name = unicodedata.normalize("NFC", relative_path.replace("\\", "/"))
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
