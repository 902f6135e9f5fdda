"""routedk-distill asks a real server of another make: llama-cpp-python's OpenAI-compatible one, with the small model.

usage: llama_server_test.py PATH/routedk-distill
The server runs under the Python of ROUTEDK_PYTHON, or of .deps/python, where `pip install
'llama-cpp-python[server]'` has put it; without it the test is skipped.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
PYTHON = os.environ.get("ROUTEDK_PYTHON", str(ROOT / ".deps/python/bin/python"))


class LlamaServer(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")
        if not shutil.which(PYTHON) or subprocess.run([PYTHON, "-c", "import llama_cpp.server"],
                                                      capture_output=True).returncode:
            self.skipTest(f"{PYTHON} has no llama_cpp.server")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-llama-"))
        self.addCleanup(shutil.rmtree, self.folder)
        port = suite.free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        self.server = subprocess.Popen(
            [PYTHON, "-m", "llama_cpp.server", "--model", str(MODEL), "--host", "127.0.0.1", "--port", str(port),
             "--n_ctx", "4096"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        self.wait_until_it_listens()

    def stop(self):
        self.server.kill()
        self.server.wait()

    def wait_until_it_listens(self):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            self.assertIsNone(self.server.poll(), "the server ended by itself")
            try:
                urllib.request.urlopen(self.url + "/models", timeout=5).read()
                return
            except OSError:
                time.sleep(0.5)
        self.fail("the server does not listen")

    def test_records_come_from_a_real_server(self):
        settings = {"data.dir": ROOT / "data/sample", "run.dir": self.folder / "run", "split.train_limit": 2,
                    "teacher.kind": "endpoint", "teacher.model": "smollm2", "teacher.endpoint.url": self.url,
                    "teacher.max_tokens": 48, "teacher.rounds": 1, "teacher.retries": 1,
                    "teacher.endpoint.concurrency": 2}
        command = [PROGRAM, *(word for item in settings.items() for word in ("--set", "%s=%s" % item))]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stderr)
        records = [json.loads(line) for line in (self.folder / "run/knowledge.jsonl").read_text().splitlines()]
        self.assertEqual(len(records), 4)
        for record in records:
            self.assertGreater(record["prompt_tokens"], 50)
            self.assertGreater(record["completion_tokens"], 0)
            self.assertEqual(bool(record["text"]), not record["failure"])
            self.assertTrue(all(turn["reply"] for turn in record["turns"]))


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    suite.main()
