"""A worker whose outputs are empty: it answers as ``inpaint.batch.worker`` does, at once.

Images named ``kill*`` end it, as a lack of memory would; with ``careful`` only ``kill-always*``.
Images named ``stop*`` stop it for good, unless ``careful``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

setup = json.loads(sys.stdin.readline())
if setup["options"]["prior"] == "fatal":
    print(json.dumps({"fatal": "no such weights"}), flush=True)
    sys.exit()
if setup["options"]["prior"] == "mute":
    sys.exit(3)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    item = json.loads(line)
    deadly = item["path"].startswith("kill-always" if setup["careful"] else "kill")
    if deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    if item["path"].startswith("stop") and not setup["careful"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.002)
    output = Path(setup["out"]) / item["out"]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.touch()
    row = {key: item[key] for key in ("path", "mask", "out")}
    row |= {"status": "done", "error": None, "seconds": 0.002, "out_sha256": "", "note": None}
    row |= {"worker": os.getpid(), "index": setup["index"], "memory": setup["memory"]}
    print(json.dumps(row), flush=True)
