#!/usr/bin/env python3
"""run.py [--rounds 3] [--base-bin DIR] [--json FILE]

The speed of routedk-predict and of training steps next to a busy process, within a CPU quota or an affinity
mask of 1 CPU, and with OMP_NUM_THREADS=64. Rounds are interleaved; prints medians and their share of the
speed of an idle machine or of one thread. The quota needs permission to create a control group (root); it is
skipped otherwise.

Needs: cmake --preset release -D ROUTEDK_BENCHMARKS=ON &&
cmake --build --preset release --target routedk-predict routedk_train_steps
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine  # noqa: E402
import tables  # noqa: E402

CHOSEN_BY_USERS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND")
# name: (the baseline, the least share of its speed, how to run)
SCENARIOS = {
    "alone": ("alone", None, {}),
    "one thread": ("alone", None, {"threads": 1}),
    "busy process beside it": ("alone", 0.4, {"busy": 0}),
    "the same at nice 19": ("alone", 0.8, {"busy": 19}),
    "quota of 1 CPU": ("one thread", 0.8, {"quota": 1}),
    "quota of 1.5 CPUs": ("one thread", None, {"quota": 1.5}),
    "affinity to 1 CPU": ("one thread", 0.8, {"cpus": 1}),
    "OMP_NUM_THREADS=64": ("alone", 0.8, {"environment": {"OMP_NUM_THREADS": "64"}}),
}


def commands(binaries, folder):
    """The programs, which print JSON lines with their speed."""
    predict = [binaries / "routedk-predict", "--model", machine.MODEL, "--prompt", "Tell a very long story of a fox.",
               "--temperature", "0", "--max-new-tokens", "200", "--json"]  # fmt: skip
    train = [binaries / "routedk_train_steps", folder, "--steps", "3"]
    for setting in (f"run.dir={folder}/run", "train.dropout=0", "train.batch_size=2"):
        train += ["--set", setting]
    return {"predict": predict, "train": train}


def tokens_per_second(lines):
    if "tokens_per_second" in lines[-1]:
        return lines[-1]["tokens_per_second"]
    steps = [line for line in lines if "step" in line][1:]  # the first is a warm-up
    return sum(step["tokens"] for step in steps) / sum(step["seconds"] for step in steps)


@contextlib.contextmanager
def busy_process(nice):
    """A loop that uses a CPU whenever it can."""
    process = subprocess.Popen(["nice", "-n", str(nice), sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def cpu_group(cpus):
    """-> the file for process ids of a new control group with that many CPUs."""
    v1 = Path("/sys/fs/cgroup/cpu")
    folder = (v1 if v1.exists() else Path("/sys/fs/cgroup")) / f"routedk-fair-share-{os.getpid()}"
    folder.mkdir()
    try:
        if v1.exists():
            (folder / "cpu.cfs_period_us").write_text("100000")
            (folder / "cpu.cfs_quota_us").write_text(str(int(cpus * 100000)))
        else:
            (folder / "cpu.max").write_text(f"{int(cpus * 100000)} 100000")
        yield folder / "cgroup.procs"
    finally:
        folder.rmdir()


def measured(command, threads=0, busy=None, quota=None, cpus=None, environment=None):
    """-> tokens per second."""
    command = [*command, *(["--set", f"run.threads={threads}"] if threads else [])]
    variables = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USERS}
    with contextlib.ExitStack() as stack:
        if busy is not None:
            stack.enter_context(busy_process(busy))
        group = stack.enter_context(cpu_group(quota)) if quota else None

        def join():
            if group is not None:
                group.write_text(str(os.getpid()))
            if cpus is not None:
                os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])

        done = subprocess.run(list(map(str, command)), env={**variables, **(environment or {})}, preexec_fn=join,
                              capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        sys.exit(f"{command[0]} failed with status {done.returncode}: {done.stderr}")
    return tokens_per_second([json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")])


def may_make_groups():
    try:
        with cpu_group(1):
            return True
    except OSError as error:
        print(f"without quotas: {error}", file=sys.stderr)
        return False


def all_speeds(builds, rounds):
    """builds: {"": folder, " before": folder} -> {program + build: {scenario: [tokens per second]}}"""
    groups = may_make_groups()
    names = [name for name, (_, _, how) in SCENARIOS.items() if groups or "quota" not in how]
    speeds = {}
    with tempfile.TemporaryDirectory(prefix="routedk-fair-share-") as folder:
        for _ in range(rounds):
            for name in names:
                for build, binaries in builds.items():
                    for program, command in commands(binaries, folder).items():
                        of_program = speeds.setdefault(program + build, {each: [] for each in names})
                        of_program[name].append(measured(command, **SCENARIOS[name][2]))
    return speeds


def shares_table(speeds):
    medians = {program: {name: statistics.median(found) for name, found in by.items()} for program, by in speeds.items()}
    rows = []
    for name in next(iter(medians.values())):
        against, target, _ = SCENARIOS[name]
        row = {"tokens/s": name}
        for program, by in medians.items():
            row[program] = round(by[name])
            row[f"{program}, share"] = round(by[name] / by[against], 2)
        rows.append({**row, "of": against, "target": target})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    machine.add_arguments(parser, threads=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    builds = {"": options.bin.resolve()}
    if options.base_bin:
        builds[" before"] = options.base_bin.resolve()
    speeds = all_speeds(builds, options.rounds)
    result = machine.describe(options, {"kernel": os.uname().release}, ())
    result["tables"] = {"shares": shares_table(speeds)}
    result["runs"] = speeds
    machine.write_result(options.json, result)
    print(tables.table(result["tables"]["shares"]))


if __name__ == "__main__":
    main()
