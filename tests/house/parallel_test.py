"""Several processes compute what one computes: training over c10d, distilling and answering in shards.

usage: parallel_test.py PATH/routedk-run [Parallel|TwoHosts]      (its neighbours are the other programs; the real model, a few sessions)
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import resume_test
import suite

ROOT = resume_test.ROOT
EVERYWHERE = ["router.data=train", "train.batch_size=3", "train.max_tokens=512", "train.checkpoint_every=1", "train.dropout=0.1",
              "router.batch_size=3", "router.epochs=2", "router.checkpoint_every=1", "lora.rank=4", "run.threads=1",
              "model.dtype=float32", "experts=[base, high_level]", "decode.samples=2", "decode.batch_sessions=2",
              "eval.systems=[base, dynamic, permuted]", "eval.resamples=100", "run.join_seconds=60"]
ADDRESSES = ("10.213.7.1", "10.213.7.2")
BLOWS = int(os.environ.get("ROUTEDK_BLOWS", 3))  # 20 takes some minutes
SECONDS_TO_END = 30  # of the others after one has failed


def metrics(folder):
    """-> the figures of every step and validation, by job, group and step; times left out."""
    found = {}
    for path in sorted(folder.glob("*/*/metrics.jsonl")):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            kind = "loss" if "loss" in record else "validation_loss"
            if kind in record:
                keep = {key: value for key, value in record.items()
                        if key not in ("seconds", "tokens_per_s", "memory_mib", "answers", "metrics")}
                found[path.parent.parent.name, record["group"], record["step"], kind] = keep
    return found


class Processes(unittest.TestCase):
    def setUp(self):
        if not resume_test.MODEL.exists():
            self.skipTest(f"no {resume_test.MODEL}: scripts/setup fetches it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="routedk-parallel-"))
        self.addCleanup(shutil.rmtree, self.folder)
        resume_test.small_data(self.folder / "data")

    def start(self, program, name, settings=(), arguments=(), host=None, **variables):
        sets = [f"data.dir={self.folder / 'data'}", f"run.dir={self.folder / name}",
                f"run.store={self.store(name)}", "train.epochs=2", *EVERYWHERE, *settings]
        command = [*(["ip", "netns", "exec", host] if host else []), str(PROGRAMS / program), "configs/experiments/demo.yaml", *arguments,
                   *(word for item in sets for word in ("--set", item))]
        clean = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**clean, **variables})

    def store(self, name):
        return self.folder / f"{name}-store"

    def start_world(self, size, program, name, settings=(), own=None):
        """`own`: further settings by rank."""
        port = str(suite.free_port())
        return [self.start(program, name, [*settings, *(own or {}).get(rank, ())], RANK=str(rank),
                           WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=port) for rank in range(size)]

    def ends(self, processes, timeout=300):
        """-> exit codes and what each said."""
        said = [process.communicate(timeout=timeout)[1] for process in processes]
        return [process.returncode for process in processes], said

    def finish(self, *processes):
        codes, said = self.ends(processes)
        self.assertEqual(set(codes), {0}, "\n".join(said))

    def distilled(self, name):
        self.finish(self.start("routedk-distill", name))

    def trained(self, name, size, settings=(), programs=("routedk-train", "routedk-train-router")):
        self.distilled(name)
        for program in programs:
            self.finish(*(self.start_world(size, program, name, settings) if size > 1
                          else [self.start(program, name, settings)]))
        return metrics(self.store(name))

    def assert_like(self, found, expected, tolerance):
        self.assertEqual(found.keys(), expected.keys())
        for key, record in expected.items():
            for name, value in record.items():
                if isinstance(value, float):
                    self.assertAlmostEqual(found[key][name], value, delta=tolerance * max(1.0, abs(value)), msg=key)
                elif name != "gates":
                    self.assertEqual(found[key][name], value, key)


class Parallel(Processes):
    def test_any_number_of_processes_trains_the_same(self):
        # 4 epochs of 2 steps, each of several micro-batches, with dropout; tests/train/parallel_test.cpp takes 20
        settings = ["train.epochs=4", "experts=[base]", "eval.systems=[base]"]
        alone = self.trained("alone", 1, settings, ["routedk-train"])
        self.assertEqual(max(step for _, _, step, _ in alone), 8)
        for size in (2, 3):
            self.assert_like(self.trained(f"of{size}", size, settings, ["routedk-train"]), alone, 2e-3)
        # two begin, one ends: a checkpoint knows nothing of how many wrote it
        self.distilled("mixed")
        processes = self.start_world(2, "routedk-train", "mixed", settings)
        while not metrics(self.store("mixed")):
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGTERM)
        self.assertEqual(self.ends(processes)[0], [128 + signal.SIGTERM] * 2)
        self.finish(self.start("routedk-train", "mixed", settings))
        self.assert_like(metrics(self.store("mixed")), alone, 2e-3)

    def test_a_killed_or_stopped_rank_ends_all_and_the_rest_is_as_if_undisturbed(self):
        settings = [f"train.epochs={max(2, BLOWS // 2)}"]  # 3 steps each
        undisturbed = self.trained("undisturbed", 2, settings)
        self.distilled("disturbed")
        draw = random.Random(20)
        for blow in ([signal.SIGKILL, signal.SIGTERM, signal.SIGKILL] * BLOWS)[:BLOWS]:
            before = len(metrics(self.store("disturbed")))
            processes = self.start_world(2, "routedk-train", "disturbed", settings)
            struck = processes[draw.randrange(2)]
            while len(metrics(self.store("disturbed"))) <= before and all(p.poll() is None for p in processes):
                time.sleep(0.05)
            time.sleep(draw.random())
            struck.send_signal(blow)
            if blow == signal.SIGKILL:
                struck.wait()
                other = next(process for process in processes if process is not struck)
                code, said = self.ends([other], SECONDS_TO_END)
                self.assertEqual(code, [1], said)
                self.assertIn("error: all processes must run until the end, but rank ", said[0])
                struck.communicate()
            else:
                codes, said = self.ends(processes)
                self.assertEqual(codes, [128 + signal.SIGTERM] * 2, said)
        for program in ("routedk-train", "routedk-train-router"):
            self.finish(*self.start_world(2, program, "disturbed", settings))
        self.assertEqual(metrics(self.store("disturbed")), undisturbed)  # bit for bit

    def test_processes_that_differ_say_in_what(self):
        self.distilled("differs")
        codes, said = self.ends(self.start_world(2, "routedk-train", "differs", own={1: ["train.learning_rate=0.5"]}))
        self.assertEqual(codes[1], 2, said)
        self.assertRegex(said[1], r"error: all processes must run the same step, but train-base differs between rank 0 and "
                                  r"rank 1: train.learning_rate: \S+ -> 0.5")
        self.assertEqual((codes[0], said[1].count("\n")), (1, 1), said)

    def test_who_does_not_come_or_comes_twice_is_named(self):
        self.distilled("late")
        port = str(suite.free_port())
        variables = {"WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        processes = [self.start("routedk-train", "late", ["run.join_seconds=4"], RANK=rank, **variables)
                     for rank in ("0", "2")]
        codes, said = self.ends(processes)
        self.assertEqual(codes, [1, 1], said)
        self.assertIn("error: all 3 processes must join within 4 s, but rank 1 did not", said[0])
        processes = [self.start("routedk-train", "late", ["run.join_seconds=4"], RANK="0", **variables)
                     for _ in range(2)]
        codes, said = self.ends(processes)
        self.assertIn("rank 0 must be one process", said[0] + said[1])
        for program in ("routedk-run", "routedk-eval"):
            code, said = self.ends([self.start(program, "late", RANK="0", **variables)])
            self.assertEqual(code, [2], said)
            self.assertIn("this program must be started once, but was started as rank 0 of 3", said[0])

    def test_shards_of_any_number_make_the_results_of_one_process(self):
        self.finish(self.start("routedk-run", "alone"))
        expected = resume_test.figures(json.loads((self.folder / "alone/results.json").read_text()))
        shutil.copytree(self.store("alone"), self.store("shared"))
        for kind in ("distil", "answer", "evaluate"):
            shutil.rmtree(self.store("shared") / kind)
        for shard in ("3/3", "2/3", "1/3"):
            self.finish(self.start("routedk-distill", "shared", arguments=["--shard", shard]))
        for program in ("routedk-run", "routedk-eval"):  # twice, since `permuted` waits for all of `dynamic`
            for shard in ("1/3", "2/3", "3/3"):
                self.finish(self.start(program, "shared", arguments=["--shard", shard]))
        found = json.loads((self.folder / "shared/results.json").read_text())
        self.assertEqual(resume_test.figures(found), expected)

    def test_merging_names_the_shards_that_lack(self):
        self.finish(self.start("routedk-distill", "lost", arguments=["--shard", "2/3"]))
        code, said = self.ends([self.start("routedk-distill", "lost", arguments=["--merge"])])
        self.assertEqual(code, [2], said)
        self.assertRegex(said[0], r"error: all shards of distil must be complete, but these are not: 1/3, 3/3 "
                                  r"\(\d+ of \d+ sessions\); run them with --shard")


class TwoHosts(Processes):
    def test_two_hosts_train_and_evaluate_with_the_numbers_of_one(self):
        hosts = self.two_hosts()
        settings = ["train.epochs=1", "router.epochs=1"]
        alone = self.trained("alone", 1, settings)
        self.distilled("hosts")
        for port, program in ((4001, "routedk-train"), (4002, "routedk-train-router")):
            self.finish(*(self.start(program, "hosts", settings, host=host, RANK=str(rank), WORLD_SIZE="2",
                                     MASTER_ADDR=ADDRESSES[0], MASTER_PORT=str(port))
                          for rank, host in enumerate(hosts)))
        self.assert_like(metrics(self.store("hosts")), alone, 2e-3)
        shutil.copytree(self.store("hosts"), self.store("one"))
        systems = [*settings, "eval.systems=[base, dynamic]"]
        self.finish(self.start("routedk-eval", "one", systems))
        for index, host in enumerate(hosts, 1):
            self.finish(self.start("routedk-eval", "hosts", systems, ["--shard", f"{index}/2"], host=host))
        one, two = (resume_test.figures(json.loads((self.folder / name / "results.json").read_text()))
                    for name in ("one", "hosts"))
        self.assertEqual(one, two)

    def two_hosts(self):
        """-> two network namespaces with a link between them, which are gone after the test."""
        names = [f"routedk-{os.getpid()}-{side}" for side in "ab"]
        links = [f"rdk{os.getpid() % 100000}{side}" for side in "ab"]

        def ip(*words):
            return subprocess.run(["ip", *words], capture_output=True, text=True).returncode

        if shutil.which("ip") is None or any(ip("netns", "add", name) for name in names):
            self.skipTest("network namespaces need iproute2 and the rights of root")
        for name in names:
            self.addCleanup(ip, "netns", "delete", name)
        done = [ip("link", "add", links[0], "type", "veth", "peer", "name", links[1])]
        for name, link, address in zip(names, links, ADDRESSES):
            done += [ip("link", "set", link, "netns", name), ip("-n", name, "address", "add", address + "/24", "dev", link),
                     ip("-n", name, "link", "set", link, "up"), ip("-n", name, "link", "set", "lo", "up")]
        if any(done):
            self.skipTest("this machine lets nobody link network namespaces")
        return names


if __name__ == "__main__":
    PROGRAMS = pathlib.Path(sys.argv.pop(1)).resolve().parent
    suite.main()
