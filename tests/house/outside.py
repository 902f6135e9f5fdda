"""What the suites about models, adapters and endpoints of others share: the programs, a small model, and refusals."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = ROOT / "tests/goldens/tiny_chat"


def sets(**settings):
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


def run(program, *arguments, text="", **more):
    return subprocess.run([PROGRAMS / program, *map(str, arguments)], cwd=ROOT, input=text, capture_output=True, text=True,
                          timeout=120, **more)


def change(path, **members):
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **members}))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-outside-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def model(self):
        shutil.copytree(BASE, self.folder / "model")
        return self.folder / "model"

    def refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertTrue(done.stderr.splitlines()[-1].startswith("error: "), done.stderr)
        self.assertLess(len(done.stderr), 2000)
        self.assertIsNone(re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stderr), ascii(done.stderr))
        for word in words:
            self.assertIn(word, done.stderr)

    def predict(self, model, *arguments, tokens=8, temperature=0):
        return run("routedk-predict", "--model", model, "--prompt", "hi there", "--json", *arguments,
                   *sets(**{"decode.max_new_tokens": tokens, "decode.temperature": temperature}))


def take_programs():
    """Takes the folder of the programs from the command line: the first argument."""
    global PROGRAMS
    PROGRAMS = pathlib.Path(sys.argv.pop(1)).resolve()
