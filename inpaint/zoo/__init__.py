"""Finds and loads weights by name; the shipped weights are folders in this package.

- ``registry`` knows which priors, stages and tasks there are, and loads them;
- ``plugins`` finds those of other installed packages;
- ``weights`` writes, reads and checks a folder with ``model.safetensors`` and ``config.json``;
- ``classes`` knows which prior has a class.
"""
