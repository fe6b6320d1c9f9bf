"""A terminal to run commands on."""

import os
import pty
import subprocess
import sys
from pathlib import Path


def drawn_by(*words: object, **variables: str) -> str:
    """Run a command with a terminal as stdin and stderr, which must succeed; return what it drew there."""
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "TERM": "xterm", "COLUMNS": "120", **variables}
    command = [sys.executable, "-m", "vidcolor", *map(str, words)]
    ours, theirs = pty.openpty()
    drawn = b""
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            while part := os.read(ours, 4096):
                drawn += part
        except OSError:
            pass  # Linux ends a terminal that nobody holds with EIO
    os.close(ours)
    assert process.returncode == 0, drawn.decode()
    return drawn.decode()
