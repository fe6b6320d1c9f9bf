"""Kill a run of the sample film at random moments, resume it, and compare each frame with an unbroken run's.

    python tests/kills.py
    python tests/kills.py --kills 20 --seed 1

Each round starts without any kept work, kills the program (SIGKILL) once at a moment drawn from the whole time that a
run takes, and lets the same command finish. Prints a row per round, and fails if any frame differs or more than one
shot was coloured twice.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from films import hashes

ROOT = Path(__file__).parent.parent
FILM = ROOT / "samples" / "bikes.mkv"
STILLS = sorted((ROOT / "samples" / "stills").glob("*.png"))


def start(output: Path, *, job: bool) -> subprocess.Popen[str]:
    """Start to colour the sample film."""
    command = [sys.executable, "-m", "vidcolor", "colorize", FILM, "-r", *STILLS, "-o", output, "--json", "-y"]
    options = ["--preset", "ultrafast", "--device", "cpu", *([] if job else ["--no-job"])]
    words = [str(word) for word in [*command, *options]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a run; return its report."""
    out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"a run failed with {process.returncode}:\n{err}")
    return dict(json.loads(out))


def main() -> None:
    """Run the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    moments, failures = random.Random(chosen.seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output, job = folder / "out.mkv", folder / "out.job"
        began = time.monotonic()
        finish(start(output, job=False))
        length = time.monotonic() - began
        expected = hashes(output)
        print(f"an unbroken run without a job: {len(expected)} frames, {length:.1f} s\n")
        print("| kill | after, s | kept shots | reused | coloured | frames that differ | left behind |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        kill = 0
        while kill < chosen.kills:
            shutil.rmtree(job, ignore_errors=True)
            output.unlink(missing_ok=True)
            began = time.monotonic()
            process = start(output, job=True)
            moment = moments.uniform(0, length)
            with suppress(subprocess.TimeoutExpired):
                process.wait(moment)
                length = time.monotonic() - began  # it was faster than the run before, and cannot be killed any more
                process.communicate()
                continue
            process.kill()
            process.communicate()
            kill += 1
            half_written = output.exists() and hashes(output) != expected
            done = len(list((job / "shots").glob("*.chroma")))
            report = finish(start(output, job=True))
            different = sum(a != b for a, b in zip(hashes(output), expected, strict=True))
            left = len(list(folder.rglob("*.part")))
            wrong = different or left or half_written or report["shots_reused"] != done
            failures += bool(wrong)
            print(
                f"| {kill} | {moment:.1f} | {done} | {report['shots_reused']} | {report['shots_colored']} | "
                f"{different} | {left} |{' WRONG' if wrong else ''}",
                flush=True,
            )
    print(f"\n{chosen.kills - failures} of {chosen.kills} kills were resumed to the same frames")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
