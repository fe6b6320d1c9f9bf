"""Commands run as a user does: in this process, or on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from vidcolor.cli import app


def run(*words: object) -> tuple[int, str, str]:
    """Run a command in this process; return exit status, stdout and stderr."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


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
