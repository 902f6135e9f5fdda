"""What --help says of every program: its use in the first line, examples that work as typed, pages that exist.

usage: help_test.py FOLDER/OF/PROGRAMS      (the small model)
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
STEPS = ("routedk-run", "routedk-distill", "routedk-train", "routedk-train-router", "routedk-eval")

GROUPS = {"Positionals", "Subcommands", "Common", "Settings", "Data", "Model", "Training", "Decoding", "Output", "Steps", "Processes"}


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **options)


def listed_programs():
    """As `routedk --help` lists them."""
    subcommands = run(BIN / "routedk", "--help").stdout.split("Subcommands:")[1].split("Examples:")[0]
    return ["routedk-" + name for name in re.findall(r"^  ([a-z-]+) ", subcommands, re.MULTILINE)]


def examples(program, *words):
    """The command lines below `Examples:`."""
    text = run(BIN / program, *words, "--help").stdout.split("Examples:\n")[1].split("More:")[0]
    return [line.strip() for line in text.splitlines() if line.strip()]


class Help(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def typed(self, line):
        """Runs an example as a shell would in the checkout; what would train or write into it plans, or reads its settings."""
        program = re.search(r"routedk[a-z-]*", line)[0]
        if program in STEPS and "eval score" not in line:
            line += f" --set run.dir={self.folder}/run"
            if "--plan" not in line:
                line += " --dry-run" if program == "routedk-run" else " --dump-config"
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        environment = {name: value for name, value in os.environ.items() if name != "ROUTEDK_DATA_DIR"}
        return run("bash", "-c", line, cwd=ROOT, env={**environment, "PATH": path, "OMP_WAIT_POLICY": "passive"})

    def test_every_option_stands_in_a_group_with_a_name(self):
        for program in listed_programs():
            text = run(BIN / program, "--help").stdout
            groups = re.findall(r"^([A-Z][a-z ]+):$", text, re.MULTILINE)
            self.assertEqual(groups[-1], "Examples", program)
            self.assertLessEqual(set(groups[:-1]), GROUPS, program)
            self.assertIn("Common", groups)

    def test_all_programs_are_listed_and_start_by_their_names(self):
        programs = listed_programs()
        self.assertEqual(sorted(programs), sorted(path.name for path in BIN.glob("routedk-*")))
        for program in programs:
            direct, through = run(BIN / program, "--help"), run(BIN / "routedk", program.removeprefix("routedk-"), "--help")
            self.assertEqual((through.returncode, through.stdout), (0, direct.stdout.replace(f"{BIN / program} ", f"{program} ")), program)
            self.assertNotIn(str(BIN), through.stdout)
        unknown = run(BIN / "routedk", "no-such")
        self.assertEqual(unknown.returncode, 2)
        self.assertRegex(unknown.stderr, r"^error: NAME in `routedk NAME` must be one of run, .*, but is `no-such` instead\.\n$")
        self.assertEqual(run(BIN / "routedk").returncode, 2)

    def test_help_fits_the_terminal_and_is_an_error_where_nobody_takes_it(self):
        for program in listed_programs():
            for columns in (60, 80):
                text = run(BIN / program, "--help", env={**os.environ, "COLUMNS": str(columns)}).stdout.split("Examples:")[0]
                for line in text.splitlines():
                    if not line.startswith("Usage: "):
                        self.assertLessEqual(len(line), columns, f"{program}: {line}")
        with open("/dev/full", "w") as full:
            done = subprocess.run([BIN / "routedk-run", "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error: standard output must accept all that is printed", done.stderr)

    def test_mistakes_on_the_command_line_are_errors_that_say_what_is_meant(self):
        for words, said in ((["--jobs", "x"], "error: "),
                            (["--dry-runn"], "error: The following argument was not expected: --dry-runn; did you mean `--dry-run`?"),
                            (["--set", "lora.rank=2", "Train.epochs=2"], "error: `Train` is not a known key; did you mean `train`?"),
                            (["--set", "lora.rank=2", "train.epochs"], "error: a setting must follow --set and have a value, but is `train.epochs`"),
                            (["--set", "model.path="], "error: `model.path` must be a GGUF file or a model's folder, but is empty")):  # fmt: skip
            done = run(BIN / "routedk-run", *words, "--dry-run")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertTrue(done.stderr.startswith(said), done.stderr)
        several = run(BIN / "routedk-run", "--set", "lora.rank=0", "train.epochs=x", "--dry-run").stderr.splitlines()
        self.assertEqual([line.split()[0] for line in several], ["error:", "error:"])

    def test_one_expert_is_planned_by_itself(self):
        train = [BIN / "routedk-train", "--set", f"run.dir={self.folder}/run", "--dry-run", "--expert"]
        unknown = run(*train, "bsae")
        self.assertEqual(unknown.returncode, 2)
        self.assertIn("--expert must be all or one of base, high_level, fine_grained, but is `bsae` instead; did you mean `base`?", unknown.stderr)
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        done = run(*train, "base", cwd=ROOT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("only train-base is done now (--expert)\n"), done.stdout)
        self.assertIn("step distil must be done", run(*train, "high_level", cwd=ROOT).stderr)

    def test_settings_are_named_with_the_files_that_are_not_there(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        for setting in ("model.path", "prompts", "lora.init_adapter"):
            done = run(BIN / "routedk-run", "--set", f"{setting}={self.folder}/none", f"run.dir={self.folder}/run", "--dry-run", cwd=ROOT)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, f"(?m)^error: `{setting}`: {self.folder}/none.* must be a ")

    def test_help_begins_with_its_use_and_ends_with_two_examples_and_pages_that_exist(self):
        for program in ("routedk", *listed_programs()):
            done = run(BIN / program, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), program)
            self.assertRegex(done.stdout.splitlines()[0], r"^[A-Z].*\w", program)
            self.assertGreaterEqual(len(examples(program)), 2, program)
            pages = re.search(r"^More: (.*)$", done.stdout, re.MULTILINE)[1].split(", ")
            self.assertEqual([page for page in pages if not (ROOT / page).is_file()], [], program)

    def test_add_titles_has_examples_of_its_own(self):
        text = run(BIN / "routedk-data", "add-titles", "--help").stdout
        self.assertIn("routedk-data add-titles --data-dir DIR", text)
        self.assertNotIn("routedk-data check", text)

    def test_tokenize_says_what_a_terminal_is_awaited_for(self):
        terminal, end = os.openpty()
        with subprocess.Popen([BIN / "routedk-inspect", "tokenize", "--model", ROOT / "tests/goldens/small_tokenizers/tokenizer.json"],
                              stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertIn(b"Ctrl-D", process.stderr.readline())
            os.write(terminal, b"\x04")
            self.assertEqual(process.wait(timeout=60), 0)
        os.close(end)
        os.close(terminal)

    def test_examples_work_as_typed(self):
        if not MODEL.is_file():
            self.skipTest(f"{MODEL} is not there")
        for program in ("routedk", *listed_programs()):
            for line in examples(program):
                if "--run runs/" in line:  # needs what the demo made: see the next test
                    continue
                if line == "routedk run configs/experiments/demo.yaml":
                    line = line.replace("routedk run", "routedk-run")
                done = self.typed(line)
                self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")
                self.assertNotEqual(done.stdout, "", line)

    def test_each_inspection_has_examples_of_its_own_that_work(self):
        for name in ("tokenize", "logits", "model", "quantize", "adapter", "router", "checkpoint", "merge"):
            lines = examples("routedk-inspect", name)
            self.assertGreaterEqual(len(lines), 1, name)
            for line in lines:
                self.assertIn(f"routedk-inspect {name} ", line)
                if " runs/" not in line and MODEL.is_file():  # what needs a run, or writes
                    done = self.typed(line)
                    self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")
                    self.assertNotEqual(done.stdout, "", line)

    def test_an_example_that_needs_a_run_is_understood_and_names_the_missing_run(self):
        lines = [line for line in examples("routedk-predict") if "--run runs/" in line]
        self.assertEqual(len(lines), 1)
        line = lines[0].replace("--run runs/", f"--run {self.folder}/")
        done = self.typed(line)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn(f"{self.folder}/sample-electronic", done.stderr)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    suite.main()
