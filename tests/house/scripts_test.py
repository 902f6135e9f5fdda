"""What the scripts promise and can be seen without building or downloading anything."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, root=ROOT, **environment):
    return subprocess.run([str(root / command[0]), *command[1:]], cwd="/", capture_output=True, text=True,
                          env={**os.environ, **environment}, stdin=subprocess.DEVNULL)


class Scripts(unittest.TestCase):
    def copy(self):
        """The scripts and pins alone, as in a checkout that nobody has set up."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("scripts", "third_party"):
            shutil.copytree(ROOT / name, folder / name)
        return folder

    def enterContext(self, manager):  # unittest has its own from Python 3.11 on
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def stubs(self, folder, **scripts):
        """A folder of commands that stand before the machine's own."""
        (folder / "stubs").mkdir()
        for name, text in scripts.items():
            path = folder / "stubs" / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        return f"{folder}/stubs:{os.environ['PATH']}"

    def test_an_unknown_option_ends_with_2_and_names_itself(self):
        for script in ("scripts/setup", "scripts/format"):
            done = run(script, "--no-such")
            self.assertEqual(done.returncode, 2, script)
            self.assertIn("'--no-such'", done.stderr)

    def test_what_runs_on_cuda_sets_cuda_up(self):
        for script in ("scripts/demo", "scripts/test"):
            folder = self.copy()
            (folder / "scripts/setup").write_text("#!/bin/sh\necho set up with $* >&2\nexit 3\n")
            done = run(script, "--cuda", root=folder)
            self.assertEqual((done.returncode, done.stderr), (3, "set up with --cuda\n"), script)

    def test_help_is_the_head_of_the_script(self):
        for script in ("scripts/setup", "scripts/format", "scripts/demo", "scripts/test"):
            done = run(script, "--help")
            self.assertEqual(done.returncode, 0, script)
            self.assertTrue(done.stdout.startswith(script), done.stdout)
            self.assertNotIn("lib.sh", done.stdout)

    def test_setup_run_again_is_quick_and_downloads_nothing(self):
        if not (ROOT / ".deps/torch").exists():
            self.skipTest("scripts/setup has not been run: LibTorch is the user's own")
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        path = self.stubs(folder, apt_get="echo downloading >&2; exit 1", unzip="echo unpacking >&2; exit 1")
        begun = time.monotonic()
        done = run("scripts/setup", PATH=path, PIP_NO_INDEX="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("downloading", done.stdout)
        self.assertLess(time.monotonic() - begun, 10)

    def test_setup_takes_the_users_own_libtorch(self):
        folder = self.copy()
        own = folder / "own/torch"
        (own / "lib").mkdir(parents=True)
        (own / "lib/libtorch_cpu.so").touch()
        path = self.stubs(folder, dpkg_query="echo installed", sha256sum="exit 0")
        for variable, value in (("Torch_DIR", own / "share/cmake/Torch"), ("CMAKE_PREFIX_PATH", own),
                                ("CMAKE_PREFIX_PATH", own / "share/cmake")):
            (own / "share/cmake/Torch").mkdir(parents=True, exist_ok=True)
            done = run("scripts/setup", root=folder, PATH=path, PIP_NO_INDEX="1", **{variable: str(value)})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"your own at {own.resolve()}", done.stdout)
            self.assertFalse((folder / ".deps/torch").exists())

    def test_setup_installs_what_the_report_needs_once(self):
        folder = self.copy()
        python = folder / ".deps/python/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho $* >>{folder}/asked\n")
        python.chmod(0o755)
        for name in ("lib", "share/cmake/Torch"):
            (folder / "own/torch" / name).mkdir(parents=True)
        (folder / "own/torch/lib/libtorch_cpu.so").touch()
        path = self.stubs(folder, dpkg_query="echo installed", sha256sum="echo sum")
        for _ in range(2):
            done = run("scripts/setup", "--report", root=folder, PATH=path, PIP_NO_INDEX="1", Torch_DIR=f"{folder}/own/torch/share/cmake/Torch")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((folder / "asked").read_text(), "-m pip install --quiet -r third_party/report-python.txt\n")

    def test_a_download_that_fails_leaves_nothing_that_looks_whole(self):
        folder = self.copy()
        path = self.stubs(folder, dpkg_query="echo installed")
        done = run("scripts/setup", root=folder, PATH=path, PIP_NO_INDEX="1", PIP_FIND_LINKS="",
                   Torch_DIR="", CMAKE_PREFIX_PATH="")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual([name.name for name in (folder / ".deps").iterdir()], [".lock"])

    def test_what_a_killed_setup_left_is_removed(self):
        folder = self.copy()
        (folder / ".deps/tmp.killed/libtorch").mkdir(parents=True)
        path = self.stubs(folder, dpkg_query="echo installed")
        run("scripts/setup", root=folder, PATH=path, PIP_NO_INDEX="1", PIP_FIND_LINKS="",
            Torch_DIR="", CMAKE_PREFIX_PATH="")
        self.assertFalse((folder / ".deps/tmp.killed").exists())

    def test_a_compiler_cache_that_the_setup_brings_is_used_at_once(self):
        """Taken from the second build on only, it would change every command and build all again."""
        folder = self.copy()
        machine = folder / "machine"
        machine.mkdir()
        for tool in pathlib.Path("/usr/bin").iterdir():
            if tool.name != "ccache":
                (machine / tool.name).symlink_to(tool)
        stubs = self.stubs(folder, cmake='echo "launcher: $CMAKE_CXX_COMPILER_LAUNCHER"; exit 1').split(":")[0]
        (folder / "scripts/setup").write_text(f"#!/bin/sh\nln -s /bin/true {stubs}/ccache\n")
        done = run("scripts/demo", root=folder, PATH=f"{stubs}:{machine}")
        self.assertIn("launcher: ccache", done.stderr)

    def test_a_new_build_folder_compiles_folders_as_one_unit_and_an_old_one_keeps_its_choice(self):
        folder = self.copy()
        (folder / "scripts/setup").write_text("#!/bin/sh\n")
        path = self.stubs(folder, cmake='echo "$@"; exit 1')
        self.assertIn("-DROUTEDK_UNITY=ON", run("scripts/demo", root=folder, PATH=path).stderr)
        (folder / "build/release").mkdir()
        (folder / "build/release/CMakeCache.txt").touch()
        self.assertNotIn("ROUTEDK_UNITY", run("scripts/demo", root=folder, PATH=path).stderr)

    def test_two_checkouts_share_the_compiler_cache(self):
        folder = self.copy()
        (folder / "scripts/setup").write_text("#!/bin/sh\n")
        path = self.stubs(folder, ccache="", cmake='echo "$CCACHE_BASEDIR $CCACHE_NOHASHDIR"; exit 1')
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CCACHE_")}
        done = subprocess.run([folder / "scripts/demo"], capture_output=True, text=True,
                              env={**environment, "PATH": path})
        self.assertIn(f"{folder.resolve()} true", done.stderr)

    def test_ci_fails_where_the_packages_of_its_tests_cannot_be_installed(self):
        folder = self.copy()
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        for script in ("setup", "format", "prose", "tidy", "test", "demo"):
            (folder / "scripts" / script).write_text("#!/bin/sh\n")
        python = folder / ".deps/python/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
        done = run(".ci/run", root=folder, PATH=self.stubs(folder, cmake="", ctest=""))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("failed steps: test-python llama3-tokenizer llama2-tokenizer\n", done.stdout)

    def test_ci_counts_each_test_of_a_program_and_those_that_it_did_not_come_to(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        results = folder / "build/tests/results"
        results.mkdir(parents=True)
        ran = '<testcase name="{}" status="run" result="completed"/>'
        failed = '<testcase name="{}" status="run" result="completed"><failure message="no"/></testcase>'
        skipped = '<testcase name="{}" status="run" result="skipped"><skipped message="no data"/></testcase>'
        off = '<testcase name="{}" status="notrun" result="suppressed"/>'
        for name, cases in {"good": [ran, ran, skipped, off], "bad": [ran, failed], "late": [ran]}.items():
            cases = "".join(case.format(name) for case in cases)
            (results / f"{name}.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        of_ctest = ['<testcase name="good" status="run"/>', '<testcase name="bad" status="fail"><failure/></testcase>',
                    '<testcase name="late" status="fail"><failure/></testcase>',
                    '<testcase name="died" status="fail"><failure/></testcase>', '<testcase name="house" status="run"/>',
                    '<testcase name="away" status="notrun"><skipped message="absent"/></testcase>']
        (results / "ctest.xml").write_text(f"<testsuite>{''.join(of_ctest)}</testsuite>")
        (results / "died.xml").write_text("<testsuites><testsuite>")
        done = run("scripts/count_tests", str(folder / "build"), str(folder / "none"))
        self.assertEqual(done.stdout, "skipped 1: no data\nskipped 1: disabled\nskipped 1: absent\n"
                         "5 passed, 3 failed, 3 skipped\n", done.stderr)


if __name__ == "__main__":
    suite.main()
