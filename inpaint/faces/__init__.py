"""Faces anywhere in a photo: where they are, also when a hole covers part of them.

- ``pose``: place, size and turn of the square that frames a face, and how it is seen;
- ``network``: the finder, a small network that was trained by ``pretrain finder``;
- ``find``: the search over all places and sizes that a hole touches;
- ``align``: their exact pose, by what the priors foresee.
"""

from __future__ import annotations

from inpaint.faces.find import Face as Face
from inpaint.faces.pose import Pose as Pose
