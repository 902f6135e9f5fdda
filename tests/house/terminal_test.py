"""routedk-run on a terminal: lines of progress that never wrap, colour, Ctrl-C, what to do next, completion.

usage: terminal_test.py PATH/routedk-run      (the real model, a few short examples)
"""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import chat_endpoint
import suite
from distill_test import records

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
EXPERTS = ("kind_and_patient_answers", "curt_answers")
SETTINGS = [f"experts=[{', '.join(EXPERTS)}]", "train.epochs=4", "train.batch_size=2", "train.checkpoint_every=1",
            "router.epochs=1", "lora.rank=2", "watch.answers=0"]  # fmt: skip
EXAMPLES = [("Hi", "Hello!", 0), ("Bye", "So long!", 0), ("Tea?", "With pleasure.", 0), ("Hi", "What?", 1), ("Bye", "Go.", 1), ("Why?", "So.", 1)]
REDRAWN = re.compile(r"\r([^\r\n]*?)\x1b\[K")
COLOUR = re.compile(r"\x1b\[\d+m")


class Terminal:
    """A program whose streams are a terminal of so many columns."""

    def __init__(self, command, columns, **variables):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        env={**environment, "TERM": "xterm", **variables})  # fmt: skip
        os.close(slave)
        self.text = ""

    def read_until(self, wanted, seconds):
        """-> seconds until `wanted` stood in what was printed from now on; None where it never did."""
        begun, seen = time.monotonic(), len(self.text)
        while wanted is None or wanted not in self.text[seen:]:
            left = begun + seconds - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                return None
            try:
                piece = os.read(self.master, 4096)
            except OSError:  # the program has ended
                return None
            self.text += piece.decode(errors="replace")
        return time.monotonic() - begun

    def type(self, keys):
        os.write(self.master, keys)

    def end(self, seconds=120):
        """-> its status, once all that it printed is read."""
        self.read_until(None, seconds)
        status = self.process.wait(timeout=10)
        os.close(self.master)
        return status


class TerminalTest(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        folder = tempfile.TemporaryDirectory(prefix="routedk-terminal-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        lines = (json.dumps({"prompt": prompt, "completion": answer, "expert": EXPERTS[i]}) for prompt, answer, i in EXAMPLES)
        (self.folder / "own.jsonl").write_text("".join(line + "\n" for line in lines))

    def command(self, run, *settings):
        sets = [f"data.examples={self.folder / 'own.jsonl'}", f"run.dir={self.folder / run / 'run'}", *SETTINGS, *settings]
        return [PROGRAM, *(word for item in sets for word in ("--set", item))]

    def test_lines_of_progress_fit_and_are_coloured_as_asked(self):
        for columns, variables in ((40, {}), (80, {"NO_COLOR": "1"}), (120, {})):
            terminal = Terminal(self.command(str(columns)), columns, **variables)
            self.assertEqual(terminal.end(), 0, terminal.text)
            lines = [line for line in REDRAWN.findall(terminal.text) if line]
            self.assertGreater(len(lines), 2, terminal.text)
            for line in lines:
                self.assertLess(len(COLOUR.sub("", line)), columns, line)
            self.assertTrue(any("ETA" in line for line in lines))
            self.assertEqual(any("[==" in COLOUR.sub("", line) for line in lines), columns >= 80, lines)
            self.assertEqual(bool(COLOUR.search(terminal.text)), not variables)
            self.assertTrue(columns < 120 or any(", all 0:" in line for line in lines), lines)
            last = terminal.text.rstrip().splitlines()[-1]
            self.assertEqual(last, f"next: routedk-predict --run {self.folder / str(columns) / 'run'} --prompt '...'")

    def test_what_is_no_terminal_gets_lines_without_control_characters(self):
        done = subprocess.run(self.command("pipe"), cwd=ROOT, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotRegex(done.stderr + done.stdout, r"[\x1b\r]")
        self.assertIn("next: routedk-predict --run", done.stderr)
        records = map(json.loads, (self.folder / f"pipe/run/steps/train-{EXPERTS[0]}/metrics.jsonl").read_text().splitlines())
        first = next(record for record in records if record.get("step") == 1)
        self.assertGreater(first["learning_rate"], 0)

    @contextlib.contextmanager
    def training(self, run):
        """A terminal on which a long training is under way: steps of seconds, and very many."""
        long_text = {"prompt": "word " * 1500, "completion": "Yes.", "expert": EXPERTS[0]}
        lines = [json.dumps({**long_text, "expert": expert}) for expert in EXPERTS for _ in range(4)]
        (self.folder / "own.jsonl").write_text("\n".join(lines) + "\n")
        terminal = Terminal(self.command(run, "train.batch_size=4", "train.epochs=1000"), 80)
        try:
            self.assertIsNotNone(terminal.read_until(" | ETA", 120), terminal.text)
            yield terminal
        finally:
            if terminal.process.poll() is None:
                terminal.process.kill()

    def test_ctrl_c_is_answered_at_once_and_the_step_is_saved(self):
        with self.training("stopped") as terminal:
            terminal.type(b"\x03")
            answered = terminal.read_until("finishing the step and saving it; Ctrl-C again to stop now", 10)
            self.assertIsNotNone(answered, terminal.text)
            self.assertLess(answered, 1)
            self.assertEqual(terminal.end(), 130, terminal.text)
            self.assertIn("run it again to continue", terminal.text)
        self.assertTrue(any((self.folder / "stopped").rglob("state.json")))

    def test_a_second_ctrl_c_stops_at_once_and_what_it_leaves_is_whole(self):
        with self.training("killed") as terminal:
            terminal.type(b"\x03")
            self.assertIsNotNone(terminal.read_until("Ctrl-C again", 10), terminal.text)
            begun = time.monotonic()
            terminal.type(b"\x03")
            status = terminal.end()
            self.assertEqual(status, -signal.SIGINT)  # which a shell calls 130
            self.assertLess(time.monotonic() - begun, 1)
        for state in (self.folder / "killed").rglob("state.json"):
            json.loads(state.read_text())
            self.assertTrue((state.parent / "tensors.safetensors").exists())

    def program(self, name, *words):
        return Terminal([pathlib.Path(PROGRAM).parent / name, *map(str, words)], 80)

    def test_ctrl_c_ends_a_text_and_what_was_written_of_it_stands(self):
        terminal = self.program("routedk-predict", "--model", MODEL, "--prompt", "Tell a very long story of a fox.",
                                "--temperature", 0, "--max-new-tokens", 4000)  # fmt: skip
        self.assertIsNotNone(terminal.read_until(" fox", 60), terminal.text)
        terminal.type(b"\x03")
        self.assertIsNotNone(terminal.read_until("signal 2 stopped the text after ", 5), terminal.text)
        self.assertEqual(terminal.end(10), 130)

    def test_ctrl_c_ends_distilling_at_once_and_the_replies_so_far_are_whole(self):
        server = chat_endpoint.serve(delay=0.2)
        self.addCleanup(server.shutdown)
        words = ("--set", f"data.dir={ROOT / 'data/sample'}", f"run.dir={self.folder / 'run'}", "teacher.kind=endpoint",
                 "teacher.model=m", f"teacher.endpoint.url={server.url}")  # fmt: skip
        terminal = self.program("routedk-distill", *words)
        self.assertIsNotNone(terminal.read_until(" | ETA", 60), terminal.text)
        terminal.type(b"\x03")
        begun = time.monotonic()
        self.assertIn(terminal.end(10), (130, -signal.SIGINT), terminal.text)
        self.assertLess(time.monotonic() - begun, 5)
        (store,) = self.folder.glob("store/*/*/knowledge.jsonl")
        self.assertGreater(len(records(store)), 0)

    def test_ctrl_c_ends_an_evaluation_after_its_batch_which_is_kept(self):
        self.assertEqual(self.program("routedk-run", *self.command("run")[1:]).end(), 0)
        long_answers = (f"data.test_examples={self.folder / 'own.jsonl'}", "eval.systems=[dynamic]", "decode.samples=16",
                        "decode.max_new_tokens=100", "decode.batch_sessions=1")  # fmt: skip
        words = self.command("run", *long_answers)[1:]
        terminal = self.program("routedk-eval", *words)
        self.assertIsNotNone(terminal.read_until(" | ETA", 60), terminal.text)
        terminal.type(b"\x03")
        answered = terminal.read_until("finishing the batch and saving it; Ctrl-C again to stop now", 10)
        self.assertIsNotNone(answered, terminal.text)
        self.assertLess(answered, 1)
        self.assertEqual(terminal.end(), 130, terminal.text)
        stopped = re.search(r"stopped answer dynamic after (\d+) of 6 ", terminal.text)
        (kept,) = self.folder.glob("run/store/answer/*/answers.jsonl")
        self.assertEqual(len(kept.read_text().splitlines()), int(stopped[1]))

    def run_program(self, *words, code=0):
        done = subprocess.run([PROGRAM, *words], cwd=ROOT, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def test_several_assignments_follow_one_set(self):
        said = self.run_program("--set", "train.epochs=7", "lora.rank=3", "teacher.model=", "--dump-config")
        for line in ("  epochs: 7 ", "  rank: 3 ", '  model: "" '):
            self.assertIn(line, said)
        self.assertIn("`train.epochs` must be an integer, but is x instead",
                      self.run_program("--set", "lora.rank=3", "train.epochs=x", "--dump-config", code=2))

    def test_steps_may_be_called_as_their_programs(self):
        words = self.command("named")[1:]
        for name in ("router", "train-router"):
            self.run_program(*words, "--only", name, "--dry-run")
        for name in ("distill", "distil", "eval", "evaluate"):
            self.run_program(*words, "--from", name, "--dry-run")
        self.assertIn("--only must be one of train-", self.run_program(*words, "--only", "nothing", "--dry-run", code=2))

    def completed(self, shell, program, *words, typed_as=None):
        """-> what the shell offers for the last word; zsh picks out later what begins like it."""
        name = program.name
        script = subprocess.run([program, "--completion", shell], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertTrue(script.startswith(f'# eval "$({name} --completion {shell})"\n'))
        typed = " ".join(map(repr, (typed_as or name, *words)))
        call = f"COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _{name.replace('-', '_')}; echo ${{COMPREPLY[@]}}"
        if shell == "zsh":  # calls it so, in `compgen -F`
            call = f"call() {{ emulate -L sh; setopt kshglob noshglob braceexpand; {call}; }}; call"
        done = subprocess.run([shell, "-f" if shell == "zsh" else "--norc"], input=f"{script}{call}\n", cwd=self.folder,
                              capture_output=True, text=True, timeout=60,
                              env=os.environ if typed_as else {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"})  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [word for word in done.stdout.split() if word.startswith(words[-1])]

    def completes(self, shell):
        folder = pathlib.Path(PROGRAM).parent
        run = folder / "routedk-run"
        self.assertEqual(self.completed(shell, run, "--fr"), ["--from"])
        self.assertIn("evaluate", self.completed(shell, run, "--from", ""))
        self.assertEqual(self.completed(shell, run, "--set", "train.epo"), ["train.epochs="])
        for first in (("a", "=", "1"), ("a=1",)):  # as bash and zsh split it
            self.assertEqual(self.completed(shell, run, "--set", *first, "train.epo"), ["train.epochs="])
        self.assertEqual(self.completed(shell, run, "--set", "train.epochs", "=", "tr"), [])
        self.assertEqual(self.completed(shell, run, "--set", "a=1", "--fr"), ["--from"])
        self.assertIn("--plan", self.completed(shell, run, "-"))
        self.assertEqual(self.completed(shell, run, "con"), [])  # a file
        for program, words, wanted in (("routedk-data", ("sp",), ["split"]), ("routedk-data", ("split", "--dom"), ["--domain"]),
                                       ("routedk-eval", ("score", "--split", "te"), ["test"]),
                                       ("routedk", ("inspe",), ["inspect"]), ("routedk", ("run", "--fr"), ["--from"]),
                                       ("routedk", ("data", "sp"), ["split"]),
                                       ("routedk", ("run", "--set", "train.epo"), ["train.epochs="])):  # fmt: skip
            self.assertEqual(self.completed(shell, folder / program, *words), wanted)
        self.assertEqual(self.completed(shell, folder / "routedk", "run", "--fr", typed_as=str(folder / "routedk")), ["--from"])
        self.assertEqual(self.completed(shell, folder / "routedk", "run", "--fr", typed_as="/nowhere/routedk"), [])

    def test_bash_completes_options_names_and_settings(self):
        self.completes("bash")

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh_completes_them_too(self):
        self.completes("zsh")


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
