"""The examples do what their pages say: the commands at the head of each README, as they stand.

usage: examples_test.py FOLDER/OF/PROGRAMS      (the small model)
"""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not MODEL.exists():
            raise unittest.SkipTest(f"no {MODEL}: scripts/setup fetches it")
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="routedk-examples-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        shutil.copytree(ROOT / "examples", cls.root / "examples")
        (cls.root / "build/release").mkdir(parents=True)
        (cls.root / "build/release/bin").symlink_to(BIN)

    def run_page(self, name):
        """Runs the page's commands -> what each prints."""
        page = (ROOT / "examples" / name / "README.md").read_text()
        block = re.search(r"\A# [^\n]+\n\n((?:    [^\n]+\n)+)\n", page)
        environment = {key: value for key, value in os.environ.items() if key != "ROUTEDK_DATA_DIR"}
        outputs = []
        for command in block[1].splitlines():
            done = subprocess.run(["bash", "-euc", command.strip()], cwd=self.root, env=environment, capture_output=True,
                                  text=True, timeout=300)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
            outputs.append(done.stdout)
        return outputs

    def test_a_task_of_ones_own_is_sorted_and_answered(self):
        _, label, reply = self.run_page("own_task")
        self.assertIn(label, ("delivery\n", "return\n", "praise\n"))
        self.assertGreater(len(reply.split()), 5, reply)
        self.assertNotEqual(label, reply)
        for expert in ("sort", "reply"):
            self.assertTrue((self.root / "runs/own-task/experts" / expert / "adapter_model.safetensors").exists())

    def test_a_shops_carts_come_back_with_bundles(self):
        self.run_page("own_shop")
        with open(self.root / "examples/own_shop/new_carts.csv", newline="") as file:
            asked = list(csv.DictReader(file))
        with open(self.root / "runs/bundles.csv", newline="") as file:
            answered = list(csv.DictReader(file))
        self.assertEqual(list(answered[0]), ["cart", "sku", "name", "category", "bundle", "confidence", "note"])
        self.assertEqual({(row["cart"], row["sku"]) for row in answered}, {(row["cart"], row["sku"]) for row in asked})
        bundles = {}
        for row in answered:
            if row["bundle"]:
                bundles.setdefault((row["cart"], row["bundle"]), set()).add(row["sku"])
        self.assertGreater(len(bundles), 0)
        self.assertTrue(all(len(items) > 1 for items in bundles.values()), bundles)

    def test_adapters_from_python_are_mixed_and_given_back(self):
        _, inspected, _, text, read = self.run_page("peft_adapters")
        self.assertIn("q_proj", inspected)
        self.assertGreater(len(text), 1)
        run = self.root / "runs/peft-adapters"
        for name in ("cooking", "travel"):
            self.assertEqual((run / "experts" / name / "adapter_model.safetensors").read_bytes(),
                             (self.root / "runs/adapters" / name / "adapter_model.safetensors").read_bytes())
        page = (ROOT / "examples/peft_adapters/README.md").read_text()
        self.assertIn("".join(f"    {line}\n" for line in read.splitlines()), page)
        self.assertEqual(json.loads((run / "router/router_config.json").read_text())["experts"], ["cooking", "travel"])


class OwnShop(unittest.TestCase):
    """to_data.py with tables as shops have them; needs no model."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        with open(ROOT / "examples/own_shop/orders.csv", newline="") as file:
            self.rows = list(csv.reader(file))

    def convert(self, rows, name, encoding="utf-8", delimiter=","):
        """-> (exit status, messages, what is written by file name)"""
        with open(self.folder / f"{name}.csv", "w", newline="", encoding=encoding) as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        return self.run_on(self.folder / f"{name}.csv", name)

    def run_on(self, orders, name):
        done = subprocess.run([sys.executable, ROOT / "examples/own_shop/to_data.py", orders, self.folder / name / "shop"],
                              capture_output=True, text=True)
        return done.returncode, done.stderr, {path.name: path.read_text() for path in (self.folder / name).glob("shop/*")}

    def test_tables_of_excel_are_read_alike_and_numbers_lead_back_to_carts(self):
        wanted = self.convert(self.rows, "plain")
        self.assertEqual(wanted[:2], (0, ""))
        self.assertIn("3,C004\n", wanted[2]["carts.csv"])
        self.assertIn("0,GAR-33\n", wanted[2]["skus.csv"])
        spaced = [[f" {field} " for field in row] for row in self.rows[1:]]
        for name, rows, encoding, delimiter in (("excel", self.rows, "utf-8-sig", ";"), ("tabs", self.rows, "utf-8", "\t"),
                                                ("spaced", [self.rows[0], *spaced, [""] * 5], "utf-8", ",")):
            self.assertEqual(self.convert(rows, name, encoding, delimiter), wanted, name)

    def test_what_cannot_be_read_is_said_in_one_line(self):
        renamed = [row[:] for row in self.rows]
        renamed[5][2] = "Gr\u00fcn"
        for made, said in ((self.convert([row[:4] for row in self.rows], "lacking"), "lacks bundle"),
                           (self.convert(renamed, "latin", "latin-1"), "must be UTF-8"),
                           (self.convert(renamed, "renamed"), "one name"),
                           (self.convert([*self.rows, ["C1", "", "x", "", ""]], "no_sku"), "must have a sku"),
                           (self.run_on(self.folder / "none.csv", "none"), "none.csv: No such file")):
            self.assertEqual((made[0], made[1].count("\n"), made[2]), (2, 1, {}), made[1])
            self.assertIn(said, made[1])


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    suite.main()
