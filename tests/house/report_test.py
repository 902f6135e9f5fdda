"""scripts/report makes one page that needs nothing else. Skipped, saying so, where no Python with matplotlib and
jinja2 is at hand: the one that runs this, or the one in ROUTEDK_PYTHON. What a browser shows is tried where chromium is."""
import base64
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

import chromium
import suite

REPORT = pathlib.Path(__file__).resolve().parents[2] / "scripts/report"


@functools.lru_cache
def python():
    for candidate in (os.environ.get("ROUTEDK_PYTHON"), sys.executable):
        if candidate and not subprocess.run([candidate, "-c", "import jinja2, matplotlib"], capture_output=True).returncode:
            return candidate
    raise unittest.SkipTest("no Python with matplotlib and jinja2: name one in ROUTEDK_PYTHON")


def outside(page):
    """What a page takes from elsewhere."""
    return re.findall(r'(?:src|srcset|href)="(?!data:|#)[^"]*"', page)


def step(job, group, number, **more):
    return {"job": job, "step": number, "group": group, "loss": 1.0, "token_loss": 2.0 / number, "learning_rate": 1e-3,
            "grad_norm": 0.5, "tokens": 100, "answer_tokens": 10, "tokens_per_s": 50.0, "seconds": 2.0,
            "memory_mib": 300.0 + number, **more}  # fmt: skip


def gates(first):
    return [{"mean": [first, 1 - first], "mean_entropy": 0.3, "entropy_of_mean": 0.6} for _ in range(4)]


EVALUATED = {"samples": 2, "select": "vote", "experts": ["base", "high_level"], "domain": "food", "split": "test", "sessions": 12,
             "random_model": {"f1": 0.3}}
GOLD, WRONG = [[0, 1], [2, 3]], [[0, 2]]
# What dynamic chose and its other candidate, by session: right, right among the candidates, in part, no hit, nothing.
ANSWERS = [*6 * [(GOLD, WRONG)], *2 * [(WRONG, GOLD)], ([[0, 1]], WRONG), (WRONG, WRONG), ([], WRONG), (None, WRONG)]


def figures(f1, **more):
    values = dict.fromkeys(("f1", "jaccard_f1", "precision_all", "recall_distinct_all"), f1)
    return {**values, "intervals": {name: [f1 - 0.15, f1 + 0.15] for name in values}, "baseline": False, "warnings": [], **more}


def write_evaluation(folder, f1=0.75):
    """What routedk-eval leaves of twelve sessions of four items."""
    place = folder / "steps/evaluate"
    (place / "answers").mkdir(parents=True)
    sampled = {"system": "dynamic", "select": "vote"}
    systems = {"dynamic": figures(f1, **sampled, samples=2, routing=gates(0.7), warnings=["answers all alike"]),
               "dynamic n=1": figures(f1 - 0.1, **sampled, samples=1), "whole": figures(0.4, system="whole", baseline=True)}
    systems["whole"]["baseline"] = True
    (place / "results.json").write_text(json.dumps({**EVALUATED, "systems": systems}))
    sessions = range(len(ANSWERS))
    (place / "sessions.json").write_text(json.dumps({
        "sessions": list(sessions), "items": [[4 * s + i for i in range(4)] for s in sessions],
        "titles": [[f"{name} {s}" for name in ("Tea <pot>", "Tea", "Hose", "Tap")] for s in sessions],
        "gold": [own_items(GOLD, s) for s in sessions]}))  # fmt: skip
    (place / "scores.json").write_text(json.dumps({name: [[[[float(s < 6)] * 14, [1.0] * 14] for s in sessions]] for name in systems}))
    (place / "answers/dynamic.jsonl").write_text("".join(json.dumps({
        "session": s, "candidates": [own_items(one, s) for one in pair],
        "selected": [{"select": "vote", "samples": count, "bundles": own_items(pair[0], s)} for count in (1, 2)]}) + "\n"
        for s, pair in zip(sessions, ANSWERS)))  # fmt: skip
    (place / "step.json").write_text(json.dumps({"step": "evaluate", "key": "a", "ended": "2026-11-27T17:41:25Z", "seconds": 95.2,
                                                 "peak_memory_mib": 9.0, "command": "routedk-run a.yaml", "versions": {"routedk": "0.1.0"}}))
    (folder / "config.yaml").write_text(f"model:  # the backbone\n  path: /models/m.gguf  # a file\nlora:\n  rank: 16  # of A\n"
                                        f"run:\n  dir: {folder}  # where\n")


def own_items(bundles, session):
    """Of the session's own numbers."""
    return bundles and [[4 * session + item for item in bundle] for bundle in bundles]


class Report(unittest.TestCase):
    def setUp(self):
        self.run_folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "demo"
        (self.run_folder / "steps/train-base").mkdir(parents=True)

    def enterContext(self, manager):  # unittest has its own from Python 3.11 on
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def write(self, records):
        (self.run_folder / "steps/train-base/metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    def report(self, *options):
        return subprocess.run([python(), "-B", str(REPORT), *map(str, options or [self.run_folder])], capture_output=True, text=True)

    def page(self):
        done = self.report()
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.run_folder / "report.html").read_text()

    def test_a_run_with_a_router_has_every_part_and_nothing_from_outside(self):
        (self.run_folder / "config.yaml").write_text("lora:\n  rank: 16 # <r>\n")
        answers = [{"key": 7, "answer": '{"bundle1": ["product1", "product2"]}'}]
        self.write([step("train", "base", 1), step("train", "base", 2),
                    {"job": "train", "step": 2, "group": "base", "validation_loss": 0.875, "best": True, "answers": answers},
                    {"job": "router", "step": 1, "group": "router", "warning": "collapse: one expert"},
                    step("router", "router", 1, gates=gates(0.7))])  # fmt: skip
        page = self.page()
        for part in ("Run demo", '<th scope="row">base</th>', "0.8750", "302", "Router in training: mean weight by layer and expert",
                     "router, step 1: collapse: one expert", "&#34;bundle1&#34;", "# &lt;r&gt;"):  # fmt: skip
            self.assertIn(part, page)
        self.assertEqual((page.count("<img "), page.count("<source ")), (7, 7))
        self.assertEqual(outside(page), [])

    def test_records_that_a_resume_made_void_are_left_out(self):
        self.write([step("train", "base", 1), step("train", "base", 2, tokens=7000), {"job": "train", "resumed_at": 1},
                    step("train", "base", 2)])  # fmt: skip
        page = self.page()
        self.assertIn("<td>2</td>", page)
        self.assertIn("<td>200</td>", page)
        self.assertNotIn("7,100", page)

    def test_a_resume_voids_the_records_of_its_own_groups_alone(self):
        self.write([step("train", "base", 1), step("train", "curt", 1, tokens=7000),
                    {"job": "train", "resumed_at": 0, "groups": ["curt"]}, step("train", "curt", 1)])  # fmt: skip
        page = self.page()
        self.assertEqual(page.count("<td>100</td>"), 2)
        self.assertNotIn("7,000", page)

    def test_results_lead_with_experts_sessions_and_outcomes_by_name(self):
        write_evaluation(self.run_folder)
        self.write([step("train", "base", 1), step("router", "router", 1, gates=gates(0.7))])
        page = self.page()
        self.assertLess(page.index("f1 of each system"), page.index("<h2>Training</h2>"))
        for part in ("food, 12 sessions of the test split; <code>m.gguf</code>; 27 November 2026; 1 min 35 s",
                     "By vote of 2 candidates, <code>dynamic</code> has the highest f1 of the systems, .750 (.600 to .900); the best baseline, "
                     "<code>whole</code>, has .400 (.250 to .550).", "dynamic (vote, n=2): answers all alike",
                     "grey are baselines; answers by vote of 2 candidates.", "f1 by the number of candidates", "Ten sessions",
                     "command <code>routedk-run a.yaml</code>", "The router: mean weight by layer and expert"):  # fmt: skip
            self.assertIn(part, page)
        right = "".join(f"<td>{count}</td>" for count in (6, 2, 1, 1, 1, 1))
        self.assertIn(f'<tr><th scope="row">dynamic</th>{right}</tr>', page)
        self.assertIn("<h2>Where it went wrong</h2>", page)
        self.assertEqual(page.count("<article>"), 10)
        worst = page[page.index("<article>"):page.index("</article>")]
        self.assertIn("<ol><li>Tea &lt;pot&gt; 6</li><li>Tea 6</li><li>Hose 6</li><li>Tap 6</li></ol>", worst)
        self.assertIn('gold</th><td class="words">1 2, 3 4</td>', worst)
        self.assertIn('dynamic</th><td class="words">1 3</td><td class="words">another candidate was right</td>', worst)
        self.assertIn("Candidates of dynamic: 1 3 (1 of 2); 1 2, 3 4 (1 of 2).", worst)
        self.assertEqual(outside(page), [])
        self.assertIn("high_level</text>", self.picture(page, "The router: mean weight by layer and expert"))

    def change_results(self, change):
        file = self.run_folder / "steps/evaluate/results.json"
        results = json.loads(file.read_text())
        change(results)
        file.write_text(json.dumps(results))

    def test_the_answer_names_ties_and_a_better_result_of_another_choice(self):
        write_evaluation(self.run_folder)

        def change(results):
            sampled = {"select": "vote", "samples": 2}
            results["systems"] |= {"base": figures(0.7504, system="base", **sampled),
                                   "base mbr": figures(0.8, system="base", **{**sampled, "select": "mbr"})}

        self.change_results(change)
        self.assertIn("By vote of 2 candidates, <code>dynamic</code> and <code>base</code> have the highest f1 of the systems, .750; "
                      "the best baseline, <code>whole</code>, has .400 (.250 to .550). Under any rule and number of candidates the "
                      "highest is .800 (.650 to .950), of <code>base</code> by mbr of 2 candidates.", self.page())  # fmt: skip

    def test_p_values_are_shown_where_a_backbone_was_evaluated(self):
        write_evaluation(self.run_folder)
        self.assertNotIn("p against backbone", self.page())
        self.change_results(lambda results: results.update(against_backbone=[{"a": "dynamic", "f1": {"p_value": 0.25}}]))
        self.assertIn('<th scope="col">p against backbone</th>', self.page())
        self.assertIn("<td>.25</td>", self.page())

    def test_an_evaluation_with_a_name_has_a_page_of_its_own(self):
        write_evaluation(self.run_folder)
        other = self.run_folder.parent / "other"
        write_evaluation(other, 0.5)
        (other / "steps/evaluate").rename(self.run_folder / "steps/evaluate-mine")
        named = self.run_folder / "evaluations/mine"
        named.mkdir(parents=True)
        (named / "results.json").symlink_to("../../steps/evaluate-mine/results.json")
        done = self.report(named)
        self.assertEqual((done.returncode, done.stdout), (0, f"{named}/report.html\n"), done.stderr)
        page = (named / "report.html").read_text()
        for part in ("<h1>Run demo, mine</h1>", "the systems, .500 (.350 to .650)", "Ten sessions", "# of A"):
            self.assertIn(part, page)
        self.assertIn("the systems, .750 (.600 to .900)", self.page())

    def test_intervals_of_every_rule_are_within_the_picture(self):
        write_evaluation(self.run_folder)

        def change(results):
            for count in (1, 2):
                results["systems"][f"dynamic mbr n={count}"] = figures(0.9, system="dynamic", select="mbr", samples=count)

        self.change_results(change)
        program = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                   "from reporting import evaluation, figures, run\n"
                   "figures.plt.close = lambda plot: [print(*axes.get_ylim()) for axes in plot.axes]\n"
                   "evaluation.samples_figure(run.read_run(sys.argv[2]))")  # fmt: skip
        done = subprocess.run([python(), "-B", "-c", program, REPORT.parent, self.run_folder], capture_output=True, text=True)
        limits = [[float(end) for end in line.split()] for line in done.stdout.splitlines()]
        self.assertEqual(len(limits), 2, done.stderr)
        for low, high in limits:
            self.assertLess(low, 0.5)
            self.assertGreater(high, 1.05)

    def test_a_long_legend_is_below_the_picture_and_steps_are_whole_numbers(self):
        self.write([step("train", f"expert{i}", number) for i in range(7) for number in (1, 2)])
        svg = ElementTree.fromstring(self.picture(self.page(), "Loss"))
        self.assertIsNotNone(svg.find("{*}g[@id='figure_1']/{*}g[@id='legend_1']"))
        across = [text.text for text in svg.find(".//{*}g[@id='matplotlib.axis_1']").findall(".//{*}text")]
        self.assertEqual(across, ["1", "2", "optimiser step"])

    def picture(self, page, title):
        data = re.search(f'<img alt="{re.escape(title)}" src="data:image/svg[+]xml;base64,([^"]*)"', page)[1]
        return base64.b64decode(data).decode()

    def test_several_runs_are_one_page_with_what_differs(self):
        other = self.run_folder.parent / "other"
        for folder, f1 in ((self.run_folder, 0.75), (other, 0.25)):
            write_evaluation(folder, f1)
            (folder / "steps/train-base").mkdir(parents=True, exist_ok=True)
            (folder / "steps/train-base/metrics.jsonl").write_text(json.dumps(step("train", "base", 1)) + "\n")
        settings = (other / "config.yaml").read_text()
        (other / "config.yaml").write_text(settings.replace("rank: 16", "rank: 8"))
        done = self.report(self.run_folder, other)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = (self.run_folder / "comparison.html").read_text()
        for part in ("Runs demo, other", '<tr><th scope="row">lora.rank</th><td>16</td><td>8</td></tr>',
                     '<tr><th scope="row">dynamic</th><td>.750 (.600 to .900)</td><td>.250 (.100 to .400)</td></tr>',
                     '<th scope="col">demo: 12 sessions, vote of 2 candidates</th>',
                     "other: dynamic (vote, n=2): answers all alike"):  # fmt: skip
            self.assertIn(part, page)
        self.assertIn("other: 12 sessions, vote of 2 candidates", self.picture(page, "f1 of each system in each run"))
        self.assertNotIn("run.dir", page)
        self.assertIn("other: base", self.picture(page, "Loss"))
        self.assertEqual(self.report(self.run_folder, other, "--docs").returncode, 2)

    def test_a_task_of_ones_own_is_shown_by_its_loss(self):
        (self.run_folder / "steps/evaluate").mkdir(parents=True)
        systems = {name: {"system": name.split()[0], "choice": choice, "samples": samples, "loss": loss, "perplexity": 9.0,
                          "exact_match": 0.25, "rouge_l": 0.5, "intervals": {"loss": [loss - 0.5, loss + 0.5]}}
                   for name, choice, samples, loss in (("backbone", "greedy", 1, 3.5), ("tea", "greedy", 1, 1.25), ("tea vote n=3", "vote", 3, 1.25))}
        (self.run_folder / "steps/evaluate/results.json").write_text(json.dumps({"examples": "/mine/test.jsonl", "answers": 7, "systems": systems}))
        page = self.page()
        for part in ("<code>tea</code> has the lowest loss of the systems, 1.250 (.750 to 1.750)", "Bars are 95 % intervals over lines",
                     '<th scope="row">tea</th><td>vote</td><td>3</td><td>1.250</td><td>9.000</td><td>.250</td><td>.500</td>'):
            self.assertIn(part, page)
        self.assertIn("loss", self.picture(page, "loss of each system"))
        other = self.run_folder.parent / "bundles"
        write_evaluation(other, 0.75)
        done = self.report(self.run_folder, other)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = (self.run_folder / "comparison.html").read_text()
        self.assertIn("f1 or loss, 95 %", page)
        self.assertIn('<th scope="col">demo: 7 answers</th>', page)
        self.assertIn('<th scope="row">tea</th><td>1.250 (.750 to 1.750)</td><td>-</td>', page)

    def test_missing_packages_are_named_with_what_installs_them_and_its_python_is_taken(self):
        copy = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("scripts", "benchmarks"):
            shutil.copytree(REPORT.parents[1] / name, copy / name)
        (copy / "none").mkdir()
        (copy / "none/matplotlib.py").write_text("raise ModuleNotFoundError('No module named matplotlib', name='matplotlib')\n")
        environment = {**os.environ, "PYTHONPATH": str(copy / "none")}

        def report():
            return subprocess.run([python(), "-B", copy / "scripts/report", self.run_folder], capture_output=True, text=True, env=environment)

        done = report()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("matplotlib is missing: scripts/setup --report installs them", done.stderr)
        own = copy / ".deps/python/bin/python"
        own.parent.mkdir(parents=True)
        own.write_text("#!/bin/sh\necho taken $*\n")
        own.chmod(0o755)
        self.assertEqual(report().stdout, f"taken -B {copy}/scripts/report {self.run_folder}\n")

    def test_a_browser_shows_pages_without_overflow_wide_and_narrow(self):
        browser = chromium.find()
        write_evaluation(self.run_folder)
        self.write([step("train", "base", 1), step("router", "router", 1, gates=gates(0.7))])
        self.page()
        for width in (1280, 400):
            self.assertLessEqual(chromium.page_width(browser, self.run_folder / "report.html", width), width)
        room = "return page.querySelector('table').parentElement.clientWidth;"
        self.assertGreater(int(chromium.ask(browser, self.run_folder / "report.html", 1280, room)), 1200)

    def assert_page_fits(self, browser, page):
        """Nothing of the page is wider than a window of 1280 pixels; in one of 400 only tables are, which scroll by themselves."""
        wide = """return [page.documentElement, ...page.querySelectorAll('main *')].filter((one) => one.scrollWidth > one.clientWidth
                  && one.clientWidth).map((one) => one.className || one.tagName);"""
        self.assertEqual(chromium.ask(browser, page, 1280, wide), "[]")
        self.assertEqual(set(json.loads(chromium.ask(browser, page, 400, wide))) - {"scroll"}, set())
        pictures = """return [...page.querySelectorAll('img')].filter((one) => one.getBoundingClientRect().width > 400
                      || !one.currentSrc.startsWith(one.previousElementSibling.srcset)).map((one) => one.alt);"""
        self.assertEqual(chromium.ask(browser, page, 400, pictures), "[]")

    def test_a_browser_shows_long_names_settings_and_many_lengths_at_once(self):
        browser = chromium.find()
        folders = [self.run_folder.parent / f"a_run_with_a_name_that_is_long_{letter}/and_a_folder_in_it/demo" for letter in "abc"]
        for folder in folders:
            write_evaluation(folder)
            config = folder / "config.yaml"
            config.write_text(config.read_text() + f"model:\n  path: {folder}/{'m' * 200}\n")
            sessions = json.loads((folder / "steps/evaluate/sessions.json").read_text())
            sessions["items"] = [own + [1000 + i for i in range(3 * place)] for place, own in enumerate(sessions["items"])]
            (folder / "steps/evaluate/sessions.json").write_text(json.dumps(sessions))
        self.assertEqual(self.report(*folders).returncode, 0)
        self.assertEqual(self.report(folders[0]).returncode, 0)
        self.assert_page_fits(browser, folders[0] / "comparison.html")
        self.assert_page_fits(browser, folders[0] / "report.html")

    def test_many_lengths_are_ranges_in_a_few_columns(self):
        program = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                   "from reporting.evaluation import ranges\n"
                   "print(ranges([2, 3, 5]), ranges([]), ranges(list(range(2, 32))))")  # fmt: skip
        done = subprocess.run([python(), "-B", "-c", program, REPORT.parent], capture_output=True, text=True)
        self.assertEqual(done.stdout, "[(2, 2), (3, 3), (5, 5)] [] "
                         f"{[(low, low + 2) for low in range(2, 32, 3)]}\n", done.stderr)  # fmt: skip

    def test_no_legend_is_wider_than_its_picture(self):
        program = ("import sys; sys.path.insert(0, sys.argv[1])\n"
                   "from reporting import figures\n"
                   "close = figures.plt.close\n"
                   "def fits(plot):\n"
                   "    print(plot.legends[0].get_window_extent().width <= plot.bbox.width, plot.axes[0].bbox.height > 50)\n"
                   "    close(plot)\n"
                   "figures.plt.close = fits\n"
                   "series = {f'a run whose name is as long as this one number {i}' * 2: [(1, 1), (2, i)] for i in range(30)}\n"
                   "figures.figure('', '', '', figures.lines('', (series, '-', ''))).draw_narrow()")  # fmt: skip
        done = subprocess.run([python(), "-B", "-c", program, REPORT.parent], capture_output=True, text=True)
        self.assertEqual(done.stdout, 2 * "True True\n", done.stderr)

    def assert_refused(self, text, *options):
        """In one line, with the exit status of input that its user can mend."""
        done = self.report(*options)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
        self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        self.assertIn(text, done.stderr)

    def test_what_its_user_can_mend_is_refused_in_one_line(self):
        self.assert_refused(f"but {self.run_folder} does not")
        self.assert_refused(f"but {self.run_folder}/gone does not exist", self.run_folder / "gone")
        self.assert_refused("--wrong (scripts/report --help)", "--wrong")
        self.assert_refused("--check and --keep belong to --docs (scripts/report --help)", self.run_folder, "--check")
        self.assert_refused("has no study.json (scripts/report --help)", "--docs", "--keep", self.run_folder)
        self.write([step("train", "base", 1)])
        self.assert_refused(f"{self.run_folder}/gone/page.html", self.run_folder, "--output", self.run_folder / "gone/page.html")
        (self.run_folder / "study.json").write_text("{")
        self.assert_refused("study.json must be JSON")


if __name__ == "__main__":
    suite.main()
