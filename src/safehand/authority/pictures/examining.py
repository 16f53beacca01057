"""Examines pictures beside the server's loop: in processes of their own, with bounds on time, memory and waiting."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import resource
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from math import ceil
from multiprocessing.connection import wait
from typing import Final, Self

import msgspec
import psutil

from safehand.authority.documents.photo_rules import PhotoRules
from safehand.authority.pictures import models, refusals
from safehand.authority.pictures.examination import Judged, examine
from safehand.authority.pictures.mending import mended
from safehand.authority.pictures.uploads import KINDS, SECONDS_MAX, Kind, Source, Taken, reopened, taken_in
from safehand.kernel.dated import NotInForceError
from safehand.kernel.outcome import Refusal

WORKERS: Final = 1
WAITING_MAX: Final = 24
"""At four pictures a second the last of these waits six seconds; more are asked to come again."""
MEMORY_BYTES_MAX: Final = 1_200_000_000
"""Above what a worker with its models has: 50 million pixels and their copies fit, a bomb does not."""

_LOG: Final = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One picture to examine. With `source` the bytes are ours, cleaned before; `mend` asks for the offer to be taken."""

    data: bytes
    kind: str
    rule_set: str
    day: date
    source: Source | None
    mend: bool


class Examining:
    """Takes pictures in and judges them; safe to share. Use as `async with`, which starts the workers and ends them.

    A picture that takes too long, too much memory or the worker with it is a refusal, and only its own.
    """

    def __init__(
        self,
        *,
        photo_rules: dict[str, PhotoRules],
        workers: int = WORKERS,
        waiting_max: int = WAITING_MAX,
        seconds_max: float = SECONDS_MAX,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
    ) -> None:
        self._photo_rules = photo_rules
        self._workers = workers
        self._waiting_max = waiting_max
        self._seconds_max = seconds_max
        self._memory_bytes_max = memory_bytes_max
        self._waiting = 0
        # One pool per worker: a worker that dies takes nobody else's picture along.
        self._idle: asyncio.LifoQueue[ProcessPoolExecutor] = asyncio.LifoQueue()

    async def __aenter__(self) -> Self:
        """Starts the workers; raises what keeps one from starting."""
        for _ in range(self._workers):
            pool = self._new_pool()
            await asyncio.get_running_loop().run_in_executor(pool, _nothing)
            self._idle.put_nowait(pool)
        return self

    async def __aexit__(self, *raised: object) -> None:
        for _ in range(self._workers):
            pool = await self._idle.get()
            pool.shutdown(wait=True, cancel_futures=True)

    async def examine(
        self, *, data: bytes, kind: str, rule_set: str, day: date, source: Source | None = None
    ) -> Judged | Refusal:
        """Judges an upload, or with its `source` a picture that was kept (`Judged.cleaned`): the same bytes, the same verdict."""
        return await self._done(
            Job(data=data, kind=kind, rule_set=rule_set, day=day, source=source, mend=False)
        )

    async def mend(
        self, *, data: bytes, kind: str, rule_set: str, day: date, source: Source | None = None
    ) -> Judged | Refusal:
        """Takes the offer for a picture: judges what crop, rotation and scaling make of it."""
        return await self._done(
            Job(data=data, kind=kind, rule_set=rule_set, day=day, source=source, mend=True)
        )

    async def _done(self, job: Job) -> Judged | Refusal:
        refused = _not_as_asked(job=job, photo_rules=self._photo_rules)
        if refused is not None:
            return refused
        if self._waiting >= self._waiting_max:
            return refusals.BUSY(waiting=self._waiting)
        self._waiting += 1
        try:
            pool = await self._idle.get()
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, _judged, job)
            except BrokenProcessPool:
                _LOG.warning("picture.worker_lost")
                pool.shutdown(wait=False)
                pool = self._new_pool()
                return refusals.TOO_MUCH_WORK(seconds_max=ceil(self._seconds_max))
            except Exception as bug:
                # What a picture can make us stumble over is a bug, for the operator; for its sender it is an answer.
                _LOG.error("picture.examination_failed", extra={"error": type(bug).__name__})
                return refusals.BROKEN()
            finally:
                self._idle.put_nowait(pool)
        finally:
            self._waiting -= 1

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            # A fresh interpreter: a fork would carry the server's sockets and keys into where hostile bytes are read.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_become_worker,
            initargs=(self._photo_rules, self._seconds_max, self._memory_bytes_max),
        )


def _not_as_asked(*, job: Job, photo_rules: dict[str, PhotoRules]) -> Refusal | None:
    if job.kind not in KINDS:
        return refusals.UNKNOWN_KIND(kinds=", ".join(KINDS))
    try:
        photo_rules[job.rule_set].on(job.day)
    except (KeyError, NotInForceError):
        return refusals.NO_RULES(day=job.day.isoformat(), rule_sets=", ".join(sorted(photo_rules)))
    return None


class _Worker(msgspec.Struct):
    """What a worker process knows."""

    photo_rules: dict[str, PhotoRules]
    seconds_max: float


_worker: Final = _Worker(photo_rules={}, seconds_max=SECONDS_MAX)


def _become_worker(photo_rules: dict[str, PhotoRules], seconds_max: float, memory_bytes_max: int) -> None:
    """Loads what is needed, then gives up what is not: files, and memory without end."""
    _worker.photo_rules, _worker.seconds_max = photo_rules, seconds_max
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    models.detectors()
    for name in models.NAMES:
        models.model(name)
    limits = {
        resource.RLIMIT_AS: psutil.Process().memory_info().vms + memory_bytes_max,
        # No byte of a picture gets onto a disk from here, neither as a file nor in a memory dump.
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for which, bound in limits.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (bound, bound))


def _end_with_parent() -> None:
    """A server that is killed leaves no worker behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)


def _nothing() -> None:
    """Has the worker started."""


def _judged(job: Job) -> Judged | Refusal:
    """The work itself. The kernel's alarm ends a worker that takes too long, wherever in a decoder it may be."""
    signal.setitimer(signal.ITIMER_REAL, _worker.seconds_max)
    try:
        return judged(job=job, photo_rules=_worker.photo_rules)
    except MemoryError:
        return refusals.TOO_MUCH_WORK(seconds_max=ceil(_worker.seconds_max))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def judged(*, job: Job, photo_rules: dict[str, PhotoRules]) -> Judged | Refusal:
    """Takes in and judges one picture in this very process."""
    rules = photo_rules[job.rule_set]
    taken = _taken(job)
    if isinstance(taken, Refusal):
        return taken
    found = examine(taken=taken, rule_set=rules, day=job.day)
    if not job.mend:
        return found
    if found.offer is None:
        return refusals.MENDED_BY_NOTHING()
    return examine(taken=mended(taken=taken, mend=found.offer), rule_set=rules, day=job.day)


def _taken(job: Job) -> Taken | Refusal:
    if job.source is None:
        return taken_in(data=job.data, kind=job.kind)
    kind = msgspec.convert(job.kind, type=Kind)
    return reopened(cleaned=job.data, kind=kind, source=job.source)
