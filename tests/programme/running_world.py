"""A world that was started as `./do run` starts it, in a folder of its own, seen from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from safehand.kernel.postgres_server import PostgresServer, RunningServer

STOP_SECONDS_MAX = 30.0


class World:
    """A living world started as `./do run` starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        # No HOME, another folder than the repository: nothing may depend on them.
        environment = {"PATH": os.environ["PATH"], "SAFEHAND_DATA": str(self.folder)}
        return subprocess.Popen(
            [sys.executable, "-m", "safehand.programme.living_world", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=environment,
        )

    def start(self) -> float:
        """Start and wait for the last line of its greeting; returns the seconds."""
        began = time.monotonic()
        self.process, self.said = self.command(), []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if "For curl" in line:
                return time.monotonic() - began
        raise AssertionError("".join(self.said))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """How it ended, and what it said last."""
        assert self.process is not None
        said, _ = self.process.communicate(timeout=STOP_SECONDS_MAX)
        return self.process.returncode, said

    def address(self, name: str) -> str:
        lines = (self.folder / "run" / "for-curl.sh").read_text().splitlines()
        return next(line.partition("=")[2].strip("'") for line in lines if line.startswith(f"{name}="))

    def database(self) -> RunningServer:
        server = PostgresServer().find(folder=self.folder / "postgres")
        assert server is not None
        return server

    def part(self, name: str) -> psutil.Process:
        return psutil.Process(int((self.folder / "run" / "processes" / f"{name}.pid").read_text()))

    def left(self) -> list[int]:
        """Processes that still work for this world."""
        return [
            process.pid
            for process in psutil.process_iter()
            if str(self.folder) in " ".join(_command_line(process)) and process.pid != os.getpid()
        ]


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
