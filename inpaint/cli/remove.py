"""``inpaint remove``: point at an object in a photo, and it is filled away."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inpaint import classes, objects_text, registry, weights
from inpaint.cli import filling
from inpaint.errors import OutputError, SelectionError, UnknownNameError
