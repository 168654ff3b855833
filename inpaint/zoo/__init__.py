"""From names to weights: the modules beside the folders of weights that we ship.

- ``registry``: which priors, stages and tasks there are, and how to load one;
- ``weights``: a folder with ``model.safetensors`` and ``config.json``, written, read and checked;
- ``classes``: which prior knows a class.
"""
