"""Starts, watches and stops the processes of a small world: databases, both houses, the sandbox services."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
LOG_TAIL_CHARACTERS = 2_000


class ProcessFailed(Exception):
    """A process did not come up, or ended; the text has the end of its log and what to do."""


@dataclass
class Process:
    """One child process and where it writes."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def is_running(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def tail(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return self.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]
        return ""

    def peak_rss_bytes(self) -> int:
        """The most memory that it has held so far (Linux: VmHWM)."""
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0


@dataclass
class Processes:
    """All children of this command; `stop` ends them in the reverse order of their start."""

    folder: Path
    running: list[Process] = field(default_factory=list)

    def start(self, *, name: str, module: str, arguments: Sequence[str]) -> Process:
        """Start `python -m module …`; its output goes to `folder/name.log`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        process = Process(name, popen, log)
        self.running.append(process)
        (self.folder / f"{name}.pid").write_text(str(popen.pid))
        return process

    def wait_healthy(self, *, process: Process, url: str) -> None:
        """Wait until the process answers its health address. Raises `ProcessFailed`."""
        until = time.monotonic() + START_SECONDS_MAX
        with httpx.Client(trust_env=False) as client:
            while time.monotonic() < until:
                if not process.is_running():
                    raise ProcessFailed(
                        f"{process.name} ended while starting. Its log says:\n{process.tail()}"
                    )
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(url, timeout=2).status_code == 200:
                        return
                time.sleep(0.03)
        raise ProcessFailed(
            f"{process.name} did not answer {url} within {START_SECONDS_MAX:.0f} s:\n{process.tail()}"
        )

    def stop(self) -> None:
        """Ask all to end, wait, and end by force who does not."""
        for process in reversed(self.running):
            with contextlib.suppress(ProcessLookupError):
                process.popen.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS_MAX
        for process in reversed(self.running):
            try:
                process.popen.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()
        self.running.clear()


def end_left_over(*, folder: Path) -> list[str]:
    """End processes which an earlier command, killed itself, left running in `folder`; returns their names."""
    ended: list[str] = []
    for pid_file in sorted(folder.glob("*.pid")):
        with contextlib.suppress(ValueError, psutil.Error, OSError):
            process = psutil.Process(int(pid_file.read_text()))
            # A pid may have been given to somebody else since: only a process of ours is ended.
            if "safehand" in " ".join(process.cmdline()):
                process.kill()
                process.wait(timeout=5)
                ended.append(pid_file.stem)
        pid_file.unlink(missing_ok=True)
    return ended
