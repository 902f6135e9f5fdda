"""Holds the includes of include/, src/ and apps/ to the table of layers in ARCHITECTURE.md."""
import pathlib
import re
import tempfile
import unittest

import suite

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
TORCH_FREE = {"core", "io", "text", "bundle"}
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
RAW = re.compile(r"\w*data_ptr\b|\bparallel_for\b|\b_mm\d*_\w+|\bimmintrin\.h|#pragma omp")
BYTE_VIEWS = {"quant/tensor_view.cpp"}  # tensors from the bytes of files, and back


def read_table(text):
    """-> {layer: all layers it may include}, itself included; `all` stands on every layer above it."""
    allowed = {}
    for layer, stands_on in ROW.findall(text):
        below = list(allowed) if "all above" in stands_on else re.findall(r"`(\w+)`", stands_on)
        allowed[layer] = {layer}.union(*(allowed[name] for name in below))
    return allowed


def breaches(root, allowed):
    """-> one line for each include that the table does not allow."""
    found = []
    for folder in ("include/routedk", "src"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            layer = path.relative_to(root / folder).parts[0]
            for name in INCLUDE.findall(path.read_text()):
                other = re.match(r"routedk/(\w+)/", name)
                if layer not in allowed:
                    found.append(f"{path}: folder {layer} is no layer of the table")
                elif other and other[1] not in allowed[layer]:
                    found.append(f"{path}: {layer} must not include {name}")
                elif layer in TORCH_FREE and TORCH.match(name):
                    found.append(f"{path}: {layer} must not know LibTorch, but includes {name}")
    return found


def raw_memory(root):
    """-> one line for each use of raw memory, threads or intrinsics outside of kernels."""
    found = []
    for folder in ("include/routedk", "src", "apps"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root / folder).as_posix()
            if path.suffix in (".h", ".cpp") and not name.startswith("kernels/") and name not in BYTE_VIEWS:
                found += [f"{path}: {name.split('/')[0]} must leave {match[0]} to kernels"
                          for match in RAW.finditer(path.read_text())]
    return found


class Layers(unittest.TestCase):
    table = "| `core` | a | - |\n| `io` | b | `core` |\n| `model` | c | `io` |\n| `top` | d | all above |\n"

    def breaches_of(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return breaches(root, read_table(self.table))

    def test_a_layer_may_include_what_it_stands_on_at_any_depth(self):
        self.assertEqual(self.breaches_of({"src/model/a.cpp": '#include "routedk/core/x.h"\n',
                                           "src/top/b.cpp": '#include "routedk/model/x.h"\n'}), [])

    def test_an_upward_include_is_found(self):
        found = self.breaches_of({"include/routedk/core/a.h": '#include "routedk/io/x.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("core must not include routedk/io/x.h", found[0])

    def test_libtorch_is_found_where_it_must_not_be(self):
        found = self.breaches_of({"src/io/a.cpp": "#include <ATen/ATen.h>\n",
                                  "src/model/a.cpp": "#include <ATen/ATen.h>\n"})
        self.assertEqual(len(found), 1)
        self.assertIn("io must not know LibTorch", found[0])

    def test_a_folder_that_is_not_in_the_table_is_found(self):
        self.assertEqual(len(self.breaches_of({"src/other/a.cpp": "#include <vector>\n"})), 1)

    def test_our_sources_keep_to_the_table_of_architecture_md(self):
        allowed = read_table((ROOT / "ARCHITECTURE.md").read_text())
        self.assertEqual(set(allowed), {path.name for path in (ROOT / "src").iterdir() if path.is_dir()})
        self.assertNotIn("bundle", allowed["train"] | allowed["decode"])
        self.assertEqual(breaches(ROOT, allowed), [])

    def test_raw_memory_threads_and_intrinsics_are_found_outside_of_kernels(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {"src/kernels/cpu/a.cpp": "x.data_ptr<float>();",
                               "src/quant/tensor_view.cpp": "x.const_data_ptr();",
                               "src/model/a.cpp": "x.mutable_data_ptr<float>();\nat::parallel_for(0, 1, 1, f);",
                               "include/routedk/decode/b.h": "_mm512_add_ps(a, b);"}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            self.assertEqual([re.sub(r".*: ", "", line) for line in raw_memory(root)],
                             ["decode must leave _mm512_add_ps to kernels",
                              "model must leave mutable_data_ptr to kernels",
                              "model must leave parallel_for to kernels"])

    def test_our_sources_leave_raw_memory_threads_and_intrinsics_to_kernels(self):
        self.assertEqual(raw_memory(ROOT), [])


if __name__ == "__main__":
    suite.main()
