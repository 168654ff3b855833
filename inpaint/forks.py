"""Threads and ``os.fork``: a child computes with one thread, because no other was copied.

Torch (OpenMP) and OpenCV keep threads that wait for work. A fork copies the memory that says they
are there, and not the threads; the first parallel loop in the child would wait for them for ever.
With one thread neither library hands anything to them. The bytes do not change: no result of this
package depends on the number of threads.
"""

from __future__ import annotations

import os
import sys


def in_child() -> None:
    """Make torch and OpenCV, where they are loaded, compute with this thread alone."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):  # not in the midst of its import
        torch.set_num_threads(1)
    cv2 = sys.modules.get("cv2")
    if cv2 is not None and hasattr(cv2, "setNumThreads"):
        # Not 1, for which OpenCV would stop its threads, and wait for them to end.
        cv2.setNumThreads(0)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=in_child)
