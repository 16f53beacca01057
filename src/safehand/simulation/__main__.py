"""`./do sim`: years of both organisations in minutes, every fault, nothing lost; a seed that fails is told in sentences."""

import argparse
import gc
import hashlib
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Any, Final

from safehand.simulation import reached, seeded_bugs
from safehand.simulation.plan import CITIES, Ended, Plan
from safehand.simulation.processes import commit, silent
from safehand.simulation.run import play

LONG_SECONDS: Final = 480.0
PROGRESS_SECONDS: Final = 10.0
SEEDS_PER_PROCESS: Final = 12
"""Each leaves some sixty megabytes of garbage behind, which nobody looks for."""
VIOLATIONS_SHOWN: Final = 5
NAMES_SHOWN: Final = 12


@dataclass(kw_only=True)
class Totals:
    """The sums over all seeds."""

    seeds: int = 0
    lifecycles: int = 0
    days: float = 0.0
    events: int = 0
    bad_messages: int = 0
    crashes: int = 0
    partitions: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    found: dict[str, list[float]] = field(default_factory=dict)
    """Dishonest strategy -> hours until somebody honest could know, for each theft."""
    open_thefts: Counter[str] = field(default_factory=Counter)
    failed: list[Ended] = field(default_factory=list)
    fingerprints: dict[int, str] = field(default_factory=dict)

    def add(self, ended: Ended) -> None:
        """One more seed."""
        self.seeds += 1
        self.fingerprints[ended.seed] = ended.fingerprint
        self.lifecycles += ended.lifecycles
        self.days += ended.days
        self.events += ended.events
        self.bad_messages += ended.bad_messages
        self.crashes += ended.crashes
        self.partitions += ended.partitions
        for name in ("faults", "refusals", "edges", "marks"):
            getattr(self, name).update(getattr(ended, name))
        for theft in ended.thefts:
            if theft.found_at is not None:
                hours = (theft.found_at - theft.since).total_seconds() / 3600
                self.found.setdefault(theft.strategy, []).append(hours)
            else:
                self.open_thefts[theft.strategy] += 1
        if ended.violations:
            self.failed.append(ended)

    def fingerprint(self) -> str:
        """Of all journals, link positions and places of things of all seeds: the same for the same seeds and code."""
        text = "".join(f"{seed} {said}\n" for seed, said in sorted(self.fingerprints.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def main(arguments: list[str]) -> int:
    """Play seeds; 0 when nothing wrong was found, 1 when something was."""
    options = _options(arguments)
    if options.mutants:
        return seeded_bugs.main(jobs=options.jobs, path=options.json)
    totals, seconds = _play_all(options)
    _print(totals, options, seconds)
    if options.json is not None:
        text = json.dumps(_as_json(totals, options, seconds), indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 1 if totals.failed else 0


def measured(*, seed: int, seconds: float = LONG_SECONDS, jobs: int = 0) -> dict[str, Any]:
    """The figure: what so many seconds of all cores (or of `jobs`) come to, from this seed on."""
    how_many = ["--jobs", str(jobs)] if jobs else []
    options = _options([str(seed), "--seconds", str(seconds), "--keep-going", *how_many])
    totals, took = _play_all(options)
    return _as_json(totals, options, took)


def _play_all(options: argparse.Namespace) -> tuple[Totals, float]:
    began = time.monotonic()
    totals = Totals()
    told = began
    for ended in _played(options, began):
        totals.add(ended)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            _say_progress(totals, options, told - began)
        if len(totals.failed) >= VIOLATIONS_SHOWN and not options.keep_going:
            break
    return totals, time.monotonic() - began


def _say_progress(totals: Totals, options: argparse.Namespace, seconds: float) -> None:
    left = f", {options.seconds - seconds:.0f} s left" if options.seconds else f" of {options.seeds}"
    wrong = f"{len(totals.failed)} with violations" if totals.failed else "0 violations"
    print(f"… {totals.seeds} seeds{left}: {totals.lifecycles:,} lifecycles, {wrong}", file=sys.stderr)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./do sim", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, default=1, help="the first seed (1)")
    parser.add_argument(
        "--seeds", type=int, default=0, help="how many seeds (1, or as many as the time allows)"
    )
    parser.add_argument("--seconds", type=float, default=0.0, help="play seeds for so long")
    parser.add_argument("--long", action="store_true", help="play for eight minutes: the figure to publish")
    parser.add_argument(
        "--days", type=int, default=0, help="over how many days people apply (by seed: 20 to 1,500)"
    )
    parser.add_argument("--people", type=int, default=0, help="how many people apply (by seed: 3 to 600)")
    parser.add_argument(
        "--city", type=int, action="append", help="a city's code, more than once (Shanghai, Guangzhou)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one for each core)")
    parser.add_argument("--quiet-world", action="store_true", help="no faults beneath and between the houses")
    parser.add_argument("--keep-going", action="store_true", help="go on after several failures")
    parser.add_argument(
        "--mutants", action="store_true", help="put each known bug in, and see that it is found"
    )
    parser.add_argument("--json", type=Path, help="write the result to this file too")
    options = parser.parse_args(arguments)
    if options.long:
        options.seconds = LONG_SECONDS
    if not options.seeds and not options.seconds:
        options.seeds = 1
    for name, least, most in (("people", 0, 2_000), ("days", 0, 360), ("jobs", 1, 64)):
        if not least <= getattr(options, name) <= most:
            parser.error(f"--{name}: between {least} and {most}")
    return options


def _plan(options: argparse.Namespace, seed: int) -> Plan:
    return Plan(
        seed=seed,
        people=options.people,
        arrival_days=options.days,
        cities=tuple(options.city or CITIES),
        faults=not options.quiet_world,
    )


def _played(options: argparse.Namespace, began: float) -> Iterator[Ended]:
    """The seeds' ends as they come, in as many processes as asked for."""
    seeds = iter(range(options.seed, options.seed + (options.seeds or 10**9)))
    if options.jobs == 1 or options.seeds == 1:
        logging.disable(logging.CRITICAL)
        for seed in seeds:
            if options.seconds and time.monotonic() - began > options.seconds:
                return
            yield play(_plan(options, seed))
        return
    silent()
    # What is read and compiled at first use is there before the processes are forked.
    play(Plan(seed=1, people=3, arrival_days=2))
    gc.freeze()
    with multiprocessing.get_context("fork").Pool(
        options.jobs, initializer=silent, maxtasksperchild=SEEDS_PER_PROCESS
    ) as pool:
        done: SimpleQueue[Ended | BaseException] = SimpleQueue()
        running = 0
        while True:
            over = bool(options.seconds) and time.monotonic() - began > options.seconds
            while not over and running < options.jobs * 2 and (seed := next(seeds, None)) is not None:
                running += 1
                pool.apply_async(
                    play, (_plan(options, seed),), {"tidy": False}, callback=done.put, error_callback=done.put
                )
            if not running:
                return
            ended = done.get()
            running -= 1
            if isinstance(ended, BaseException):
                raise ended
            yield ended


def _print(totals: Totals, options: argparse.Namespace, seconds: float) -> None:
    years = totals.days / 365.25
    last = max(totals.fingerprints, default=options.seed)
    print(
        f"seeds {options.seed} to {last}, commit {commit()}, {seconds:.0f} s, fingerprint {totals.fingerprint()}"
    )
    print(
        f"{totals.lifecycles:,} lifecycles in {years:,.1f} simulated years, {totals.events:,} events;"
        f" {_per(totals.bad_messages, totals)} bad messages, {_per(totals.crashes, totals)} crashes and"
        f" {_per(totals.partitions, totals)} partitions a lifecycle"
    )
    print(
        f"{totals.bad_messages:,} bad messages, {totals.crashes:,} crashes, {totals.partitions:,} partitions\n"
    )
    print(f"faults ({len(totals.faults)} kinds)")
    for name, count in sorted(totals.faults.items()):
        print(f"  {name:24}{count:>12,}")
    print("\ndishonest couriers: found of all, hours to detection (median, longest)")
    for name in sorted(totals.found.keys() | totals.open_thefts.keys()):
        hours = totals.found.get(name, [])
        took = f"{median(hours):8.0f} {max(hours):8.0f}" if hours else "       –        –"
        print(f"  {name:24}{len(hours):>6} of {len(hours) + totals.open_thefts[name]:<6}{took}")
    _print_reached(totals)
    for ended in totals.failed[:VIOLATIONS_SHOWN]:
        _print_failure(ended, options)
    print(f"\n{len(totals.failed)} seeds with violations" if totals.failed else "\n0 violations")


def _per(count: int, totals: Totals) -> str:
    return f"{count / max(totals.lifecycles, 1):.1f}"


def _print_reached(totals: Totals) -> None:
    missing = reached.missing(totals.edges, totals.refusals, totals.marks)
    everything = {
        "edges": len(reached.all_edges()),
        "refusals": len(reached.all_refusals()),
        "branches": len(reached.MARKS),
    }
    print("\nreached")
    for kind, names in missing.items():
        print(f"  {kind:10}{everything[kind] - len(names):>5} of {everything[kind]}")
        if names:
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            print(f"    not: {', '.join(names[:NAMES_SHOWN])}{more}")


def _print_failure(ended: Ended, options: argparse.Namespace) -> None:
    print(f"\nseed {ended.seed} failed; {_again(ended.seed, options)} repeats it")
    for violation in ended.violations[:3]:
        print(f"  {violation.invariant}: {violation.what} {violation.stream}")
    for line in ended.story:
        print(f"    {line}")


def _again(seed: int, options: argparse.Namespace) -> str:
    given = [f" --{name} {getattr(options, name)}" for name in ("people", "days") if getattr(options, name)]
    return f"./do sim {seed}{''.join(given)}"


def _as_json(totals: Totals, options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    missing = reached.missing(totals.edges, totals.refusals, totals.marks)
    return {
        "lifecycles": totals.lifecycles,
        "simulated_years": round(totals.days / 365.25, 1),
        "events": totals.events,
        "faults": dict(sorted(totals.faults.items())),
        "bad_messages": totals.bad_messages,
        "crashes": totals.crashes,
        "partitions": totals.partitions,
        "violations": len(totals.failed),
        "failed_seeds": [ended.seed for ended in totals.failed],
        "rare_branches": {
            "edges": [len(reached.all_edges()) - len(missing["edges"]), len(reached.all_edges())],
            "refusals": [len(reached.all_refusals()) - len(missing["refusals"]), len(reached.all_refusals())],
            "branches": [len(reached.MARKS) - len(missing["branches"]), len(reached.MARKS)],
            "not_reached": missing,
        },
        "dishonest_couriers": {
            name: {
                "thefts": len(totals.found.get(name, [])) + totals.open_thefts[name],
                "found": len(totals.found.get(name, [])),
                "hours_median": round(median(totals.found[name]), 1) if totals.found.get(name) else None,
                "hours_longest": round(max(totals.found[name]), 1) if totals.found.get(name) else None,
            }
            for name in sorted(totals.found.keys() | totals.open_thefts.keys())
        },
        "seed": options.seed,
        "seeds": totals.seeds,
        "fingerprint": totals.fingerprint(),
        "jobs": options.jobs,
        "commit": commit(),
        "wall_seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
