"""docs/results.md and a study's page are made from study.json alone, and say no more than it does. Skipped as the
tests of report_test.py are."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.dom.minidom

import suite
from report_test import REPORT, outside, python

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUTING = [{"mean": [0.5, 0.3, 0.2], "variance": [0.1, 0.1, 0.1], "entropy_of_mean": 1.0, "mean_entropy": 0.9,
            "near_uniform": False, "collapsed": False} for _ in range(4)]  # fmt: skip


def metrics(f1):
    values = {"f1": f1, "jaccard_f1": 0.5, "precision_all": 0.6, "recall_distinct_all": 0.7}
    intervals = {name: [value - 0.1, value + 0.1] for name, value in values.items()}
    return {**values, "intervals": intervals, "runs": 1, "sessions": 60}


def comparison(b, difference, low, high, p, metric="f1", domain="electronic"):
    return {"a": "dynamic", "b": b, "domain": domain, "metric": metric, "difference": difference, "interval": [low, high],
            "p_value": p / 2, "p_holm": p}  # fmt: skip


def study(**more):
    """The least that a study holds."""
    point = {"name": "", "variant": "", "domain": "electronic", "split": "test", "seed": 1, "evaluate": "ab",
             "systems": {"dynamic": {"select": "vote", "samples": 8}, "base": {"select": "vote", "samples": 8}}, "steps": [
                 {"step": "train-base", "key": "0a", "seconds": 1234.5, "work": 1.0, "peak_memory_mib": 900.4}]}  # fmt: skip
    return {"study": "knowledge-small", "question": "Do <three> experts beat one?", "points": [point],
            "results": {"dynamic": {"electronic": metrics(0.5)}, "base": {"electronic": metrics(0.25)}},
            "comparisons": [comparison("base", 0.0312, 0.004, 0.058, 0.031), comparison("base", 0.01, 0, 0.02, 1, "jaccard_f1"),
                            comparison("high_level", 0.004, -0.02, 0.03, 0.81), comparison("merged", -0.2, -0.3, -0.1, 0.0001)],
            **more}  # fmt: skip


def full_study():
    """One that has what every picture needs."""
    whole = study(explained=[{"a": "dynamic", "b": "base", "domain": "electronic", "sessions": 60, "decided": 22,
                              "share_a_better": 0.6, "accuracy": 0.55, "auc": 0.58, "coefficients": {"length": -0.4}}],
                  made={"date": "2026-11-27", "command": "routedk-run knowledge.yaml", "commit": "13c7754", "seconds": 1234.5,
                        "versions": {"routedk": "0.1.0", "threads": 2, "cpu": "AMD EPYC"}})  # fmt: skip
    point = whole["points"][0]
    point["probe"] = {"sessions": 60, "r2": {"length": [0.9, 0.8], "intents": [0.1, -0.25]}}
    point["conflict"] = {"steps": [0, 10], "pairs": {"raw, rules": {"cosine": [0.5, -0.125], "by_linear": {"q_proj": 0.25}}},
                         "parameters": {"base, high_level": {"q_proj": 0.75}}}
    point["losses"] = {"router": {"train": [[1, 2.0], [2, 1.5]], "validation": [[2, 1.7]]}}
    point["steps"][0]["trained_parameters"] = 1234567
    point["systems"] = {
        name: {"select": "vote", "samples": samples, "seconds": seconds, "overlap": {"equality": 0.5, "jaccard": 0.6},
               "calibration": {"ece": 0.1, "bins": [{"share": 0.5, "hit": 0.4, "answers": 60}]}, "warnings": []}
        for name, samples, seconds in (("dynamic n=1", 1, 0), ("dynamic", 8, 120.0), ("base", 8, 60.0), ("average", 8, 90.0))
    }  # fmt: skip
    point["systems"]["dynamic"].update(routing=ROUTING, alpha_with={"length": [0.1, -0.2, 0.3]}, warnings=["one answer to all"])
    whole["results"].update({name: {"electronic": metrics(0.4)} for name in ("dynamic n=1", "average", "similar_pairs")})
    whole["comparisons"].append(comparison("ablate:base", 0.05, -0.01, 0.11, 0.2))
    return whole


class Docs(unittest.TestCase):
    def setUp(self):
        self.python = python()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.page = self.root / "docs/results.md"

    def report(self, *options):
        return subprocess.run([self.python, "-B", str(REPORT), *map(str, options)], capture_output=True, text=True)

    def docs(self, *options):
        return self.report("--docs", "--root", self.root, *options)

    def write(self, **studies):
        folder = self.root / "docs/results/experiments"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in studies.items():
            (folder / f"{name}.json").write_text(json.dumps(content))

    def made(self, **studies):
        """The page of these studies, and the names of its pictures."""
        self.write(**studies)
        done = self.docs()
        self.assertEqual(done.returncode, 0, done.stderr)
        pictures = sorted(path.name for path in (self.root / "docs/results/pictures").glob("*"))
        self.assertEqual(sorted(re.findall(r"!\[.*\]\(results/pictures/(.*)\)", self.page.read_text())), pictures)
        return self.page.read_text(), pictures

    def test_the_answer_says_what_is_gained_and_lost_and_what_cannot_be_told_apart(self):
        page, _ = self.made(knowledge=study())
        sentence = ("`dynamic` gains .031 in f1 over `base` (.004 to .058, p .031), loses .200 in f1 against `merged` (-.300 "
                    "to -.100, p < .001) and cannot be told apart in f1 from `high_level` (+.004, -.020 to .030).")  # fmt: skip
        self.assertEqual(page.count(sentence), 2)  # in the contents and in its section
        for line in ("- [Do <three> experts beat one?](#knowledge) `dynamic` gains", '<a id="knowledge"></a>',
                     "| dynamic | 60 | .500 | .400 to .600 | .500 | .600 | .700 |",
                     "| dynamic | base | jaccard_f1 | +.010 | .000 to .020 | 1.00 |",
                     "| dynamic | merged | f1 | -.200 | -.300 to -.100 | < .001 |",
                     "Test split, electronic, 60 sessions, seed 1 ([results/experiments/knowledge.json]"):  # fmt: skip
            self.assertIn(line, page)

    def test_an_interval_that_excludes_0_claims_nothing_where_the_corrected_p_value_does_not(self):
        page, _ = self.made(one=study(comparisons=[comparison("base", 0.03, 0.004, 0.058, 0.08)]),
                            two=study(comparisons=[comparison("base", 0.03, 0.0004, 0.058, 0.01)]))  # fmt: skip
        self.assertIn("`dynamic` cannot be told apart in f1 from `base` (+.030, .004 to .058, but p .080).", page)
        self.assertIn("`dynamic` cannot be told apart in f1 from `base` (+.030, .000 to .058).", page)

    def test_what_only_jaccard_f1_tells_apart_is_said_too(self):
        page, _ = self.made(one=study(comparisons=[
            comparison("base", 0.03, 0.004, 0.058, 0.08), comparison("base", 0.1, 0.06, 0.14, 0.007, "jaccard_f1"),
            comparison("merged", 0.2, 0.1, 0.3, 0.01), comparison("merged", 0.2, 0.1, 0.3, 0.01, "jaccard_f1"),
            comparison("high_level", 0.2, 0.1, 0.3, 0.01), comparison("high_level", -0.02, -0.03, -0.01, 0.01, "jaccard_f1"),
            comparison("average", 0.1, 0.05, 0.2, 0.01, "jaccard_f1")]))  # fmt: skip
        self.assertIn("`dynamic` gains .200 in f1 over `merged` (.100 to .300, p .010) and .200 in f1 over `high_level` (.100 to .300, "
                      "p .010) and cannot be told apart in f1 from "
                      "`base` (+.030, .004 to .058, but p .080), but gains .100 in jaccard_f1 over `base` (.060 to .140, p .007) "
                      "and loses .020 in jaccard_f1 against `high_level` (-.030 to -.010, p .010).", page)  # fmt: skip

    def test_each_domain_has_its_own_answer(self):
        both = [comparison("base", 0.03, 0.01, 0.05, 0.01), comparison("base", 0.0, -0.1, 0.1, 1, domain="food")]
        page, _ = self.made(one=study(comparisons=both))
        self.assertIn("In electronic, `dynamic` gains .030 in f1 over `base` (.010 to .050, p .010); "
                      "in food, `dynamic` cannot be told apart in f1 from `base` (.000, -.100 to .100).", page)  # fmt: skip

    def test_a_study_that_compares_nothing_says_so(self):
        page, _ = self.made(one=study(comparisons=[]), two={"study": "two", "question": "What?"})
        self.assertIn("The highest f1 in electronic is .500 (.400 to .600), of `dynamic`, and no difference is tested.", page)
        self.assertIn("- [What?](#two) No figure answers it.", page)

    def test_questions_stand_in_the_order_of_the_page(self):
        page, _ = self.made(**{name: study(question=f"{name}?") for name in ("apart", "cost", "experts", "knowledge", "zeal")})
        self.assertEqual(re.findall(r"^## (.*)\?$", page, re.MULTILINE), ["knowledge", "experts", "cost", "apart", "zeal"])

    def test_what_a_study_lacks_leaves_out_its_tables_and_pictures(self):
        page, pictures = self.made(knowledge=study())
        self.assertEqual(pictures, [])
        self.assertEqual(re.findall(r"^### (.*)$", page, re.MULTILINE), ["Results", "Comparisons", "How it was made"])

    def test_a_study_that_has_all_shows_all_and_two_pictures_stand_once(self):
        page, pictures = self.made(knowledge=full_study(), selection=full_study())
        own = ["ablation", "conflict", "cost", "losses", "probe", "samples"]
        self.assertEqual(pictures, sorted([f"{name}-{kind}.svg" for name in ("knowledge", "selection") for kind in own] +
                                          ["knowledge-router.svg", "selection-calibration.svg"]))  # fmt: skip
        for line in ("; at step 10 the cosine of the two gradients is -.125 for raw, rules; in the 22 sessions where `dynamic` and "
                     "`base` differ, a session's properties predict which is better with an AUC of .580 (.500 is chance).",
                     "| dynamic | .500 / .300 / .200 | 0.10000 | 1.000 | .900 | 0.10000 | .000 | .000 |",
                     "| dynamic | base | 60 | 22 | .600 | .550 | .580 | -.400 |", "| dynamic | 1 | -.200 |",
                     "| raw, rules | +.250 |", "| base, high_level | +.750 |",
                     "| train-base | 0a | 1,234.5 | 900 | 1,234,567 |", "`routedk-run knowledge.yaml`, 27 November 2026, "
                     "1,234 s, commit 13c7754; AMD EPYC, 2 threads, routedk 0.1.0"):  # fmt: skip
            self.assertIn(line, page)

    def test_why_titles_are_hard_to_beat_is_said_from_both_studies_or_not_at_all(self):
        def of(ours, others, *pairs):
            systems = {name.split("/")[1]: {"select": "vote", "pair_auc": 0.625, "oracle_f1": 0.75} for name in (ours, *others) if "/" in name}
            point = {"name": "", "variant": ours.split("/")[0], "domain": "electronic", "split": "test", "seed": 1, "evaluate": "ab",
                     "systems": systems, "steps": []}  # fmt: skip
            results = {name: {"electronic": {**metrics(0.5), "bundles_per_session": 2.345}} for name in (ours, *others)}
            return study(points=[point], results=results, comparisons=[
                {**comparison(b, -0.05, -0.1, -0.002, 0.3, metric), "a": a} for a, b, metric in pairs])  # fmt: skip

        ours, relations = "routed/dynamic", of("none/base", ["titles/base"], ("titles/base", "none/base", "f1"))
        relations["points"].append({**relations["points"][0], "variant": "titles"})
        baselines = of(ours, ["routed/backbone", "similar_pairs", "whole"], (ours, "similar_pairs", "f1"), (ours, "similar_pairs", "jaccard_f1"))
        page, _ = self.made(baselines=baselines, relations=relations)
        for said in ("2.35 bundles a session", "-.050 (-.100 to -.002, corrected p .30)", "`pair_auc` is .625"):
            self.assertIn(said, " ".join(page.split()))
        self.assertNotIn("draft alone", page)
        search = of("recipe/merged", ["recipe/related_groups", "pairs/merged", "similar_pairs"], ("recipe/merged", "recipe/related_groups", "f1"))
        page, _ = self.made(baselines=baselines, relations=relations, search=search)
        self.assertIn("minus the draft alone that is -.050 (-.100 to -.002, corrected p .30) in `f1`", " ".join(page.split()))
        search["comparisons"] = []
        page, _ = self.made(baselines=baselines, relations=relations, search=search)
        self.assertIn("hard to beat", page)
        self.assertNotIn("draft alone", page)
        claims = of(ours, ["routed/related_groups", "routed/backbone", "similar_pairs"],
                    *[(ours, b, metric) for b in ("similar_pairs", "routed/related_groups") for metric in ("f1", "jaccard_f1")])  # fmt: skip
        page, _ = self.made(baselines=baselines, relations=relations, claims=claims)
        self.assertIn("minus the draft alone it is -.050 (-.100 to -.002, corrected p .30) and -.050 (", " ".join(page.split()))
        del baselines["points"][0]["systems"]["dynamic"]["pair_auc"]
        self.assertNotIn("hard to beat", self.made(baselines=baselines, relations=relations)[0])

    def test_pictures_have_no_background_no_date_and_no_pixels(self):
        self.made(knowledge=full_study())
        pictures = {path: path.read_text() for path in (self.root / "docs/results/pictures").glob("*.svg")}
        for path, svg in pictures.items():
            for unwanted in ("dc:date", "<image", "fill: #ffffff", "fill: #000000"):
                self.assertNotIn(unwanted, svg, path)
        self.docs()
        self.assertEqual({path: path.read_text() for path in pictures}, pictures)

    def test_check_names_what_was_changed_by_hand_and_changes_nothing(self):
        self.made(knowledge=full_study())
        self.assertEqual(self.docs("--check").returncode, 0)
        changed = self.page.read_text().replace(".031 in f1", ".041 in f1")
        self.page.write_text(changed)
        (self.root / "docs/results/pictures/knowledge-cost.svg").unlink()
        (self.root / "docs/results/pictures/old.svg").touch()
        done = self.docs("--check")
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("docs/")],
                         ["docs/results.md", "docs/results/pictures/knowledge-cost.svg", "docs/results/pictures/old.svg"])
        self.assertEqual(self.page.read_text(), changed)
        self.docs()
        self.assertEqual(self.docs("--check").returncode, 0)

    def test_pictures_of_another_matplotlib_are_not_compared_but_the_text_is(self):
        self.made(knowledge=full_study())
        copy = self.root / "copy"
        for name in ("scripts", "benchmarks", "third_party"):
            shutil.copytree(ROOT / name, copy / name)
        pins = copy / "third_party/report-python.txt"
        pins.write_text(re.sub("(?m)^matplotlib==.*$", "matplotlib==0.1", pins.read_text()))
        (self.root / "docs/results/pictures/knowledge-cost.svg").write_text("another\n")

        def check():
            return subprocess.run([self.python, "-B", copy / "scripts/report", "--docs", "--check", "--root", self.root],
                                  capture_output=True, text=True)  # fmt: skip

        done = check()
        self.assertEqual((done.returncode, done.stderr),
                         (0, "pictures are not compared: they are those of matplotlib 0.1\n"))  # fmt: skip
        self.page.write_text("another\n")
        self.assertEqual(check().returncode, 1)

    def test_the_readme_has_the_answer_and_the_results_of_the_studies_that_it_names(self):
        readme = self.root / "README.md"
        readme.write_text("# A\n<!-- experiment: knowledge -->\nold\n<!-- end of experiment -->\nB\n")
        self.made(knowledge=study())
        text = readme.read_text()
        self.assertTrue(text.startswith("# A\n<!-- experiment: knowledge -->\nDo <three> experts beat one? `dynamic` gains .031"))
        self.assertIn("| dynamic | 60 | .500 | .400 to .600 | .500 | .600 | .700 |", text)
        self.assertTrue(text.endswith("\n<!-- end of experiment -->\nB\n"))
        self.assertEqual(self.docs("--check").returncode, 0)
        readme.write_text(text.replace(".031", ".041"))
        self.assertIn("README.md: is not what", self.docs("--check").stderr)

    def test_the_readme_may_name_rows_and_show_them_as_a_picture(self):
        readme, picture = self.root / "README.md", self.root / "docs/overview.svg"
        readme.write_text("![a](docs/overview.svg)\n<!-- experiment: knowledge rows: base, dynamic -->\n<!-- end of experiment -->\n")
        self.made(knowledge=full_study())
        rows = [line.split(" | ")[0] for line in readme.read_text().splitlines() if line.startswith("| ")]
        self.assertEqual(rows, ["| result", "| ---", "| base", "| dynamic"])
        self.assertLessEqual(max(map(len, readme.read_text().split("| result")[0].splitlines())), 100)
        svg = xml.dom.minidom.parse(str(picture)).documentElement
        shown = [one.firstChild.data for one in svg.getElementsByTagName("text")]
        bars = [float(one.getAttribute("width")) for one in svg.getElementsByTagName("rect") if one.getAttribute("class") in ("bar", "ours")]
        for word in ("base", "dynamic", ".250", ".500", "f1 on 60 test sessions, with 95 % intervals"):
            self.assertIn(word, shown)
        self.assertEqual([round(bar / bars[1], 3) for bar in bars], [0.5, 1])  # f1 of .25 and .5
        self.assertIn("prefers-color-scheme: dark", picture.read_text())
        self.assertEqual(self.docs("--check").returncode, 0)
        self.assertIn("`base` (", readme.read_text())
        readme.write_text(readme.read_text().replace("rows: base, dynamic", "rows: dynamic"))
        self.docs()
        self.assertNotIn("`base`", readme.read_text())
        readme.write_text(readme.read_text().replace("rows: dynamic", "rows: base, dynamic"))
        self.docs()
        picture.write_text("<svg/>")
        self.assertIn("docs/overview.svg: is not what", self.docs("--check").stderr)
        readme.write_text(readme.read_text().replace("rows: base", "rows: nobody"))
        done = self.docs()
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("nobody", done.stderr)

    def test_a_study_is_kept_with_the_commit_of_the_checkout(self):
        run = self.root / "runs/knowledge-small"
        run.mkdir(parents=True)
        (run / "study.json").write_text(json.dumps(study(made={"date": "2026-11-27", "seconds": 1.23456789})))
        git = ["git", "-C", self.root, "-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
            subprocess.run([*git, *command], check=True)
        done = self.docs("--keep", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        kept = json.loads((self.root / "docs/results/experiments/knowledge.json").read_text())
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        self.assertEqual(kept["made"], {"date": "2026-11-27", "seconds": 1.23457, "commit": head})
        self.assertIn(f"commit {head}", self.page.read_text())
        self.assertEqual(self.docs("--keep", self.root / "nowhere").returncode, 2)

    def test_without_a_study_there_is_no_page(self):
        done = self.docs()
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1))
        self.assertIn("docs/results/experiments/*.json, but there are none", done.stderr)
        self.assertEqual(self.docs("--check").returncode, 0)
        self.made(knowledge=study())
        (self.root / "docs/results/experiments/knowledge.json").unlink()
        self.assertEqual(self.docs("--check").returncode, 1)

    def test_a_file_that_is_no_json_is_named(self):
        self.write(knowledge=study())
        broken = self.root / "docs/results/experiments/broken.json"
        broken.write_text("{")
        done = self.docs("--check")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1))
        self.assertIn(f"{broken} must be JSON", done.stderr)

    def test_our_results_page_is_that_of_our_studies(self):
        done = self.report("--docs", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        if "pictures are not compared" in done.stderr:
            print(f"only the text of docs/results.md is compared: {done.stderr}", end="")

    def test_a_studys_folder_becomes_a_page_of_the_same_content_and_nothing_from_outside(self):
        (self.root / "study.json").write_text(json.dumps(full_study()))
        done = self.report(self.root)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = (self.root / "report.html").read_text()
        for part in ("<h1>Do &lt;three&gt; experts beat one?</h1>", "<code>dynamic</code> gains .031 in f1", "1,234,567",
                     "dynamic, electronic: one answer to all", "commit 13c7754", "prefers-color-scheme: dark",
                     '<a class="skip" href="#content">'):  # fmt: skip
            self.assertIn(part, page)
        self.assertEqual((page.count("<img "), page.count("<source ")), (8, 8))
        self.assertEqual(page.count('role="region"'), page.count('tabindex="0"'))
        self.assertEqual(page.count('role="region"'), page.count("<table"))
        self.assertEqual(outside(page), [])
        self.assertNotIn("<script", page)


if __name__ == "__main__":
    suite.main()
