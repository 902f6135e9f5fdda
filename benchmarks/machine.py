"""Shared by the benchmarks: common options, the description of the machine, and the result file."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

MODEL = Path(".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
STARTED = time.time()


def add_arguments(parser, threads=None):
    """`threads`: the default number."""
    parser.add_argument("--bin", type=Path, default=Path("build/release/bin"), help="our programs")
    parser.add_argument("--base-bin", type=Path, help="our programs of an earlier build, measured in the same rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    if threads:
        parser.set_defaults(threads=threads)
    else:
        parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of everybody")
        parser.add_argument("--isa", choices=("scalar", "avx2", "avx512"), help="at most these instructions, for ours alone")


def our_environment(options):
    """Threads, and ROUTEDK_ISA if --isa is given."""
    isa = {"ROUTEDK_ISA": options.isa} if options.isa else {}
    return dict(os.environ, OMP_NUM_THREADS=str(options.threads), **isa)


def commit_of(folder):
    """-> the short commit of the folder's checkout, with "-dirty" if sources differ from it."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def kernels_of(root):
    """-> git's hash of the committed tree src/kernels, or None outside a checkout."""
    done = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD:src/kernels"], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def cpu():
    """-> name, family and model according to Linux."""
    text = Path("/proc/cpuinfo").read_text()
    found = {key: re.search(rf"^{key}\s*: (.*)$", text, re.MULTILINE) for key in ("model name", "cpu family", "model")}
    name, family, model = (match[1] if match else "?" for match in found.values())
    return f"{name} (family {family}, model {model})"


def versions_of(packages):
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def command_line():
    """The command as called; paths outside the checkout are reduced to their last part."""
    root = Path.cwd()
    words = [str(Path(sys.argv[0]).resolve().relative_to(root)), *sys.argv[1:]]
    return shlex.join(["python", *(Path(word).name if Path(word).is_absolute() else word for word in words)])


def describe(options, ours, packages):
    """`ours`: our program's own description ("isa", and possibly more)."""
    result = {
        "command": command_line(),
        "date": datetime.date.fromtimestamp(STARTED).isoformat(),
        "commit": commit_of("."),
        "kernels": kernels_of("."),
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "threads": options.threads, **ours},
        "versions": versions_of(packages),
    }
    if options.base_bin:
        result["base_commit"] = commit_of(options.base_bin)
    return result


def write_result(path, result):
    """Adds the duration of the run. Without a path, nothing is written."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**result, "seconds": round(time.time() - STARTED)}, indent=1) + "\n")
