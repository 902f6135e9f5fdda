"""The programs with broken files of every kind that they read: each is read or refused in one clear line, at once.

usage: hostile_test.py FOLDER/OF/PROGRAMS                                       (a few cases of each file: the test)
       hostile_test.py FOLDER/OF/PROGRAMS --cases N [--only WORD] [--first N]   (N cases of each file, by number; prints what is wrong)

A case is a file's name and a number, from which all that breaks it follows (mutations.py).
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

import fixtures
import mutations
import suite

SECONDS = 20
MEMORY = 6 << 30  # of addresses; LibTorch and its libraries take 2
CASES = 1  # of each file in the test
PLACED = 0.15  # of what may stand in its place
CONTROLS = {"output": re.compile(r"[\x00-\x08\x0b-\x1f\x7f]"),  # which may be JSON, and has tables
            "messages": re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]")}  # fmt: skip
FOREIGN = re.compile(r"json\.exception|parse_error|type_error|filesystem error|std::|basic_|vector::|bad_alloc|bad_optional|bad_cast|LibTorch:|c10|INTERNAL|stoi|stol|terminate|"
                     r"yaml-cpp|CURLE|Traceback|memory ran out|syntax error|protobuf|pcre")  # fmt: skip


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))


def run(folder, command, stdin=b""):
    """-> (exit status or None where it hung, output, messages)"""
    program, *arguments = command
    with open(folder / "stdin", "wb") as file:
        file.write(stdin)
    with open(folder / "stdin", "rb") as file, open(folder / "out", "wb") as out, open(folder / "messages", "wb") as messages:
        process = subprocess.Popen([BIN / program, *map(str, arguments)], cwd=folder, stdin=file, stdout=out, stderr=messages, preexec_fn=limits,
                                   env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "ROUTEDK_ISA": "", "XDG_CACHE_HOME": str(CACHE)})  # fmt: skip
        try:
            status = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
    return status, *((folder / name).read_bytes().decode(errors="surrogateescape") for name in ("out", "messages"))


def faults(status, out, messages, names, several_lines=False):
    """What a program must not do with a file from outside; `names` are words of which its error must have one."""
    found = []
    if status is None:
        return ["hangs"]
    if status < 0 or status > 2:
        found.append(f"ends by signal {status}")
    if status == 1:
        found.append("exit 1")
    for what, text in (("output", out), ("messages", messages)):
        if CONTROLS[what].search(text):
            found.append(f"control characters in its {what}")
        if len(text) > 20_000 and what == "messages":
            found.append(f"{len(text)} bytes of messages")
    lines = messages.splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith("error: ")), None)
    if status != 0 and begin is None:
        found.append("no error said")
    elif begin is not None:
        said = "\n".join(lines[begin:])
        if len(lines) - begin > 1 and not several_lines:
            found.append("an error of several lines")
        if FOREIGN.search(said):
            found.append("a library's words: " + FOREIGN.search(said)[0])
        # a line of standard input that was skipped is named where it was
        if status != 0 and "(see above)" not in said and not any(name in said for name in names):
            found.append("no file named")
    return found


class Case:
    """A file of a fixture, broken; the number says how."""

    def __init__(self, fixture, file, number, place=None):
        self.fixture, self.file, self.number, self.place = fixture, file, number, place

    def __str__(self):
        return f"{self.fixture.name} {self.file} {self.place or self.number}"

    def run(self, templates):
        """-> [(command, what is wrong, the messages' end)]"""
        with tempfile.TemporaryDirectory(prefix="routedk-hostile-") as top:
            folder = pathlib.Path(top) / "case"
            shutil.copytree(templates[self.fixture.name], folder, symlinks=True)
            self.fixture.before(folder, self.file)
            stdin = self.fixture.stdin
            path = folder / "stdin" if self.file == "stdin" else sorted(folder.glob(self.file))[0]
            if self.file == "stdin":
                stdin = mutations.broken(self.fixture.files[self.file], stdin, self.chance())
            elif self.place:
                mutations.put_in_place(path, self.place)
            else:
                path.write_bytes(mutations.broken(self.fixture.files[self.file], path.read_bytes(), self.chance()))
            wrong = []
            for command in self.fixture.commands:
                status, out, messages = run(folder, command, stdin)
                names = [path.name, "standard input"] + ([path.parent.name] if path.parent != folder else []) + list(self.fixture.names)
                found = faults(status, out, messages, names, self.fixture.several_lines)
                wrong += [(" ".join(map(str, command[:2])), found, messages[max(messages.rfind("error: "), 0):][-700:])] if found else []
            return wrong

    def chance(self):
        return mutations.chance_of(self.fixture.name, self.file, self.number)


def cases_of(all_fixtures, count, first=0, places=mutations.PLACES):
    for fixture in all_fixtures:
        for file in fixture.files:
            yield from (Case(fixture, file, number) for number in range(first, first + count))
            if file != "stdin" and first == 0:
                yield from (Case(fixture, file, 0, place) for place in places)


def try_all(cases, templates, jobs):
    """-> [(case, what went wrong)]"""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return [(case, wrong) for case, wrong in zip(cases, pool.map(lambda case: case.run(templates), cases)) if wrong]


def build(all_fixtures, folder):
    """Makes each fixture and checks that its programs take it as it is."""
    templates = {}
    for fixture in all_fixtures:
        templates[fixture.name] = folder / fixture.name
        (folder / fixture.name).mkdir()
        fixture.make(folder / fixture.name, run)
        with tempfile.TemporaryDirectory(prefix="routedk-hostile-") as top:
            copy = pathlib.Path(top) / "case"
            shutil.copytree(templates[fixture.name], copy, symlinks=True)
            fixture.before(copy, "")
            for command in fixture.commands:
                status, _, messages = run(copy, command, fixture.stdin)
                if status != 0:
                    raise AssertionError(f"{fixture.name}: {command} must end with 0, but ends with {status}: {messages}")
    return templates


class Hostile(unittest.TestCase):
    def test_broken_files_are_read_or_refused_in_one_line(self):
        with tempfile.TemporaryDirectory(prefix="routedk-hostile-") as folder:
            all_fixtures = fixtures.ALL
            templates = build(all_fixtures, pathlib.Path(folder))
            cases = [case for case in cases_of(all_fixtures, CASES) if not case.place or mutations.chance_of(case).random() < PLACED]
            for case, wrong in try_all(cases, templates, os.cpu_count()):
                with self.subTest(case=str(case)):
                    self.fail(wrong)
        self.assertGreater(len(cases), 100)


def explore(arguments):
    chosen = [fixture for fixture in fixtures.ALL if arguments.only in fixture.name]
    with tempfile.TemporaryDirectory(prefix="routedk-hostile-") as folder:
        templates = build(chosen, pathlib.Path(folder))
        cases = list(cases_of(chosen, arguments.cases, arguments.first))
        bad = try_all(cases, templates, arguments.jobs)
    for case, wrong in bad:
        for command, found, messages in wrong:
            print(f"{case} | {command} | {'; '.join(found)} | {messages!a}")
    print(f"{len(cases)} cases, {len(bad)} wrong")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    CACHE = pathlib.Path(tempfile.mkdtemp(prefix="routedk-cache-"))
    if "--cases" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--cases", type=int)
        parser.add_argument("--first", type=int, default=0)
        parser.add_argument("--only", default="")
        parser.add_argument("--jobs", type=int, default=2)
        explore(parser.parse_args())
    suite.main()
