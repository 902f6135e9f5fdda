"""Programs take the threads that the CPUs, OMP_NUM_THREADS and --threads allow, refuse bad numbers in one line, and
bound how long OpenMP's waiting threads spin and take huge pages unless the user has chosen.

usage: threads_test.py PATH/routedk-predict PATH/routedk-inspect      (the small model)
"""
import os
import pathlib
import subprocess
import sys
import time
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
CPUS = sorted(os.sched_getaffinity(0))
CHOSEN = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "GLIBC_TUNABLES",
          "MKL_CBWR")


def run_times(pid):
    """-> {thread: nanoseconds on a CPU}"""
    return {task.name: int((task / "schedstat").read_text().split()[0])
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}  # fmt: skip


def computing_threads(pid):
    """Those that run for more than a tenth of what the busiest does: LibTorch keeps idle ones too."""
    before = run_times(pid)
    time.sleep(0.5)
    spent = [now - before.get(thread, 0) for thread, now in run_times(pid).items()]
    return sum(each > max(spent) / 10 for each in spent)


class Threads(unittest.TestCase):
    def setUp(self):
        if not MODEL.exists():
            self.skipTest(f"no {MODEL}: scripts/setup fetches it")

    def environment(self, **variables):
        return {**{name: value for name, value in os.environ.items() if name not in CHOSEN}, **variables}

    def look(self, *arguments, cpus=CPUS, **variables):
        """-> (threads that compute, environment, log) of a program while it writes text."""
        command = [PREDICT, "--prompt", "Tell me a very long story.", "--max-new-tokens", "1900", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment(**variables), preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        try:
            process.stdout.read(20)
            threads = computing_threads(process.pid)
            environment = pathlib.Path(f"/proc/{process.pid}/environ").read_text().split("\0")
        finally:
            process.terminate()
            log = process.communicate(timeout=60)[1].decode()
        return threads, environment, log

    def assert_threads(self, expected, *arguments, **options):
        """Looks again where another process took a CPU meanwhile: fewer threads compute then."""
        seen = []
        while expected not in seen and len(seen) < 3:
            seen.append(self.look(*arguments, **options)[0])
        self.assertEqual(seen[-1], expected, seen)

    def test_threads_are_those_of_the_command_line_else_of_the_variable_else_of_the_cpus(self):
        self.assert_threads(1, "--threads", "1")
        self.assert_threads(3, "--threads", "3")
        self.assert_threads(3, "--threads", "3", OMP_NUM_THREADS="1")
        self.assert_threads(1, "--threads", "1", "--set", "run.threads=3")
        self.assert_threads(3, "--set", "run.threads=3", OMP_NUM_THREADS="1")
        self.assert_threads(1, OMP_NUM_THREADS="1")
        self.assert_threads(len(CPUS))
        self.assert_threads(1, cpus=CPUS[:1])

    def test_a_variable_beyond_the_cpus_is_cut_and_said_so(self):
        self.assert_threads(len(CPUS), OMP_NUM_THREADS="4000")
        _, _, log = self.look(OMP_NUM_THREADS="4000")
        self.assertEqual(log.count("OMP_NUM_THREADS asks for 4000 threads"), 1, log)

    def test_more_threads_than_cpus_are_warned_of_once(self):
        _, _, log = self.look("--threads", "3", cpus=CPUS[:1])
        self.assertEqual(log.count("warning: 3 threads compute, but this process can use 1 CPU"), 1, log)

    def test_cpus_are_counted_where_openmp_binds_the_first_thread_to_one(self):
        self.assert_threads(len(CPUS), OMP_PROC_BIND="true")

    def test_bad_numbers_end_with_2_and_one_line(self):
        for command in ([PREDICT, "--prompt", "x"], [INSPECT, "logits", "--model", str(MODEL)]):
            for text in ("0", "-1", "two", "1.5", "4097"):
                done = subprocess.run([*command, f"--threads={text}"], cwd=ROOT, input="", capture_output=True,
                                      text=True, env=self.environment())  # fmt: skip
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertEqual(done.stderr,
                                 f"error: `--threads` must be an integer from 1 to 4096, but is `{text}` instead\n")
        done = subprocess.run([PREDICT, "--prompt", "x"], cwd=ROOT, capture_output=True, text=True,
                              env=self.environment(OMP_NUM_THREADS="many"))  # fmt: skip
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr.endswith(  # after what OpenMP says itself
            "error: `OMP_NUM_THREADS` must be an integer from 1 to 4096, but is `many` instead\n"), done.stderr)

    def test_programs_start_by_way_of_the_loader(self):
        done = subprocess.run(["/lib64/ld-linux-x86-64.so.2", PREDICT, "--help"], capture_output=True, text=True,
                              env=self.environment())  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--threads", done.stdout)

    def test_spinning_is_bounded_unless_the_user_has_chosen(self):
        def spins(**variables):
            return [word for word in self.look(**variables)[1] if word.startswith("GOMP_SPINCOUNT=")]

        bounded = spins()
        self.assertEqual(len(bounded), 1)
        self.assertLess(0, int(bounded[0].partition("=")[2]))
        self.assertLess(int(bounded[0].partition("=")[2]), 20_000)
        self.assertEqual(spins(GOMP_SPINCOUNT="7"), ["GOMP_SPINCOUNT=7"])
        self.assertEqual(spins(OMP_WAIT_POLICY="active"), [])

    def test_products_do_not_depend_on_threads_unless_the_user_has_chosen(self):
        def reproducible(**variables):
            return [word for word in self.look(**variables)[1] if word.startswith("MKL_CBWR=")]

        intel = "GenuineIntel" in pathlib.Path("/proc/cpuinfo").read_text()
        self.assertEqual(reproducible(), ["MKL_CBWR=AUTO,STRICT"] if intel else [])
        self.assertEqual(reproducible(MKL_CBWR="AVX2"), ["MKL_CBWR=AVX2"])

    def test_memory_comes_in_huge_pages_unless_the_user_has_chosen(self):
        def tunables(**variables):
            return [word for word in self.look(**variables)[1] if word.startswith("GLIBC_TUNABLES=")]

        self.assertEqual(tunables(), ["GLIBC_TUNABLES=glibc.malloc.hugetlb=1"])
        self.assertEqual(tunables(GLIBC_TUNABLES="glibc.malloc.hugetlb=0"), ["GLIBC_TUNABLES=glibc.malloc.hugetlb=0"])


if __name__ == "__main__":
    INSPECT = os.path.abspath(sys.argv.pop(2))
    PREDICT = os.path.abspath(sys.argv.pop(1))
    suite.main()
