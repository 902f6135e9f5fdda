"""The programs with models, adapters and endpoints as people really have them.

usage: outside_test.py FOLDER/OF/PROGRAMS       (tests/goldens/tiny_chat: a Llama of 330 tokens, context 512)
"""
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import threading
import unittest

import outside
import suite
import tensor_files
from outside import BASE, ROOT, Case, change, run, sets

GOLD = re.compile(r"^Bundles: (.*)$", re.MULTILINE)
KEY = "sk-an-echoed-key-0123456789"


class Models(Case):
    def test_rows_that_pad_the_embedding_have_no_text(self):
        model = self.model()
        tensors = tensor_files.read(model / "model.safetensors")
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            if name in tensors:
                entry, data = tensors[name]
                rows, width = entry["shape"]
                tensors[name] = {**entry, "shape": [rows + 22, width]}, data + data[-22 * (len(data) // rows):]
        tensor_files.write(model / "model.safetensors", tensors)
        change(model / "config.json", vocab_size=352)
        for kernels in ("reference", "int8"):
            for seed in range(3):
                done = self.predict(model, *sets(**{"decode.seed": seed, "decode.kernels": kernels}), tokens=64, temperature=2)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_tokenizer_with_more_tokens_than_the_model_is_refused_by_name(self):
        model = self.model()
        tokenizer = json.loads((model / "tokenizer.json").read_text())
        tokenizer["added_tokens"].append({"id": len(tokenizer["model"]["vocab"]), "content": "ZZTOP", "special": False})
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        self.refused(self.predict(model), "vocabulary", "tokenizer.json")

    def test_every_token_that_generation_config_lists_ends_the_answer(self):
        model = self.model()
        self.assertFalse(json.loads(self.predict(model).stdout)["finished"])
        change(model / "generation_config.json", eos_token_id=list(range(330)))
        answer = json.loads(self.predict(model).stdout)
        self.assertEqual((answer["tokens"], answer["finished"]), (0, True))

    def test_rotary_buffers_outside_the_index_are_not_looked_at(self):
        model = self.model()
        tensors = tensor_files.read(model / "model.safetensors")
        (model / "model.safetensors").unlink()
        index = {name: "model-00001-of-00001.safetensors" for name in tensors}
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {"dtype": "F32", "shape": [2]}, b"\0" * 8
        tensor_files.write(model / "model-00001-of-00001.safetensors", tensors)
        change(model / "model.safetensors.index.json", weight_map=index)
        done = self.predict(model)
        self.assertEqual((done.returncode, done.stdout.split('"seconds"')[0]),
                         (0, self.predict(BASE).stdout.split('"seconds"')[0]), done.stderr)


class Training(Case):
    def train(self, validation, *arguments):
        (self.folder / "own.jsonl").write_text("".join(
            json.dumps({"prompt": f"lamp {i}", "completion": "a desk lamp", "expert": "one"}) + "\r\n" for i in range(12)))
        (self.folder / "val.jsonl").write_text(json.dumps({"prompt": validation, "completion": "two", "expert": "one"}) + "\n")
        return run("routedk-train", *arguments, *sets(**{
            "data.examples": self.folder / "own.jsonl", "data.validation_examples": self.folder / "val.jsonl",
            "experts": "[one]", "model.path": BASE, "run.dir": self.folder / "run", "train.epochs": 1}))

    def test_a_validation_whose_answer_has_little_room_does_not_stop_it(self):
        done = self.train("desk lamp and tea cup, " * 60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "run/experts/one/adapter_model.safetensors").exists())

    def test_examples_beyond_the_context_are_refused_before_the_first_step(self):
        for arguments in ([], ["--dry-run"]):
            self.refused(self.train("desk lamp and tea cup, " * 90, *arguments), "512 tokens", "1 of 1", "val.jsonl:1")
        self.assertEqual(list((self.folder / "store").glob("train/*/metrics.jsonl")), [])


class Files(Case):
    def test_what_is_no_regular_file_or_far_too_large_is_refused_at_once(self):
        os.mkfifo(self.folder / "pipe")
        with open(self.folder / "sparse", "wb") as sparse:
            sparse.truncate(1 << 40)
        for path in (self.folder / "pipe", pathlib.Path("/dev/zero"), self.folder, self.folder / "sparse"):
            for command in (["routedk-run", "--config", path],
                            ["routedk-train", *sets(**{"data.examples": path, "experts": "[one]", "model.path": BASE})]):
                self.refused(run(*command))
        model = self.model()
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            (model / name).unlink()
            os.mkfifo(model / name)
            self.refused(self.predict(model), name)
            (model / name).unlink()
            shutil.copy(BASE / name, model / name)

    def test_messages_show_nothing_that_steers_a_terminal(self):
        model = self.model()
        change(model / "config.json", model_type="\x1b[2Jllama\n\u202e" + "x" * 5000)
        self.refused(self.predict(model), "`model_type`", "config.json")
        tensors = tensor_files.read(model / "model.safetensors")
        tensors["evil\x1b[31m\nname"] = {"dtype": "F32", "shape": [1]}, b"\0" * 4
        shutil.copy(BASE / "config.json", model / "config.json")
        tensor_files.write(model / "model.safetensors", tensors)
        self.refused(self.predict(model), "evil\\x1b[31m\\nname")

    def test_a_key_in_the_settings_is_refused_and_not_shown(self):
        (self.folder / "own.yaml").write_text(f"teacher:\n  endpoint:\n    key_variable: {KEY}\n")
        done = run("routedk-run", "--config", self.folder / "own.yaml")
        self.refused(done, "must hold no API key", "own.yaml:3")
        self.assertNotIn(KEY, done.stderr)


def good_text(body):
    """What a willing teacher says to each of the three questions."""
    question = body["messages"][-1]["content"]
    gold = GOLD.search(question)
    if gold:
        titles = re.search(r"^Products: (.*)$", question, re.MULTILINE)[1]
        return re.sub(r"product\d+: ", "a ", titles) + " go together.\n" + gold[1]
    if "You proposed" in question:
        return "Cause: haste.\nRule: Put an accessory together with the device that it is made for."
    return '{"bundle1": ["product1", "product2"]}'


def completion(message, finish="stop", usage=True):
    return {"choices": [{"message": message, "finish_reason": finish}],
            **({"usage": {"prompt_tokens": 10, "completion_tokens": 5}} if usage else {})}


def said(text):
    return {"role": "assistant", "content": text}


class Teachers(Case):
    """`answer(body, number, path)` -> (status, JSON)."""

    def distill(self, answer, form="/v1", host="127.0.0.1", environment=(), **settings):
        case, lock = self, threading.Lock()
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    case.asked.append((self.path, body))
                    number = len(case.asked)
                status, reply = answer(body, number, self.path)
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        server = Server((host.strip("[]"), 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.run_folder = self.folder / f"run{len(list(self.folder.iterdir()))}"
        done = run("routedk-distill", *sets(**{
            "data.dir": ROOT / "data/sample", "run.dir": self.run_folder, "run.store": self.run_folder / "store", "split.train_limit": 3, "model.path": BASE,
            "teacher.kind": "endpoint", "teacher.model": "m", "teacher.rounds": 1, "teacher.retries": 1,
            "teacher.endpoint.url": f"http://{host}:{server.server_port}{form}",
            "teacher.endpoint.first_wait": 0.01, "teacher.endpoint.attempts": 3, **settings}),
            env={**os.environ, "ROUTEDK_TEST_KEY": KEY, **dict(environment)})
        store = self.run_folder / "knowledge.jsonl"
        self.records = [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []
        return done

    def whole(self, done, failed=0):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.records), 6)
        self.assertEqual(sum(bool(record["failure"]) for record in self.records), failed, self.records)
        self.assertTrue(all(record["text"] for record in self.records if not record["failure"]))

    def spoil_one(self, reply):
        """Good replies, but for one session's thought."""
        victim = []

        def answer(body, number, path):
            question = body["messages"][-1]["content"]
            if GOLD.search(question):
                victim.append(question)
                if question == victim[0]:
                    return reply
            return 200, completion(said(good_text(body)))
        return self.distill(answer)

    def test_a_reply_that_is_none_fails_its_record_alone(self):
        for reply in ((200, completion({"role": "assistant", "content": None, "reasoning_content": "hm"}, "length")),
                      (200, completion({"role": "assistant", "content": None, "refusal": "I will not."})),
                      (200, completion({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, "tool_calls")),
                      (200, {"error": {"message": "upstream is gone", "code": 502}, "choices": None}),
                      (200, {"choices": []}), (400, {"error": {"message": "too long for me"}})):
            self.whole(self.spoil_one(reply), failed=1)

    def test_thinking_and_parts_of_content_never_become_text(self):
        think = "Rule: Always group the two cheapest things of all kinds.\n"
        for form in (lambda text: f"<think>\n{think}</think>\n\n{text}", lambda text: f"{think}</think>{text}",
                     lambda text: [{"type": "thinking", "thinking": think}, {"type": "text", "text": text}]):
            self.whole(self.distill(lambda body, number, path: (200, completion(said(form(good_text(body)))))))
            for path in self.run_folder.rglob("*"):
                self.assertNotIn("cheapest", path.read_text() if path.is_file() else "")

    def test_members_that_the_endpoint_does_not_know_are_renamed_dropped_or_set(self):
        def without(member, words):
            return lambda body, number, path: ((400, words) if member in body else (200, completion(said(good_text(body)))))
        self.whole(self.distill(without("max_tokens", {"error": {
            "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}})))
        self.assertIn("max_completion_tokens", self.asked[-1][1])
        self.whole(self.distill(without("seed", {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]})))
        self.whole(self.distill(without("seed", {"object": "error", "message": "Unrecognized request argument supplied: seed"})))
        self.whole(self.distill(without("seed", {"error": "bad"}), **{
            "teacher.endpoint.parameters": "{seed: null, max_tokens: max_completion_tokens, reasoning_effort: low}"}))
        self.assertEqual(self.asked[0][1]["reasoning_effort"], "low")
        self.assertNotIn("max_tokens", self.asked[0][1])

    def test_a_passing_error_inside_a_200_is_tried_again_and_a_lasting_one_is_told(self):
        error = {"error": {"message": "the provider is \x1b[31mout of credit"}, "choices": None}
        self.whole(self.distill(lambda body, number, path: (200, error if number <= 2 else completion(said(good_text(body))))))
        self.refused(self.distill(lambda body, number, path: (200, error)), "out of credit")

    def test_the_url_may_be_given_in_any_form(self):
        def answer(body, number, path):
            return (200, completion(said(good_text(body)))) if path == "/v1/chat/completions" else (404, {"detail": "Not Found"})
        for form in ("", "/v1", "/v1/", "/v1/chat/completions"):
            self.whole(self.distill(answer, form))
        self.refused(self.distill(answer, "/v7"), "/v7/chat/completions", "Not Found")

    def test_this_machine_is_asked_past_the_proxy(self):
        def answer(body, number, path):
            return 200, completion(said(good_text(body)))
        proxy = {name: "http://127.0.0.1:9" for name in ("http_proxy", "HTTP_PROXY", "all_proxy")}  # nobody listens there
        for host in ("127.0.0.1", "127.0.0.2", "[::1]"):
            if host == "[::1]" and not pathlib.Path("/proc/net/if_inet6").exists():
                continue  # a machine without IPv6
            self.whole(self.distill(answer, host=host, environment=proxy))

    def test_a_budget_holds_without_usage(self):
        done = self.distill(lambda body, number, path: (200, completion(said(good_text(body)), usage=False)),
                            **{"teacher.budget.tokens": 1, "teacher.batch": 1})
        self.refused(done, "teacher.budget.tokens", "no `usage`")
        self.assertEqual(len(self.asked), 1)

    def test_an_echoed_key_is_in_no_file_and_stores_are_the_owners(self):
        def answer(body, number, path):
            text = good_text(body)
            return 200, completion(said(text.replace("Put an", f"With {KEY} put an") if "Rule:" in text else f"{KEY[:9]} {KEY[9:]} {text}"))
        self.distill(answer, **{"teacher.endpoint.key_variable": "ROUTEDK_TEST_KEY"})
        self.assertEqual(len(self.records), 6)
        for path in self.run_folder.rglob("*"):
            if path.is_file():
                text = path.read_text(errors="replace")
                self.assertNotIn(KEY, text, path)
                self.assertNotIn(KEY[9:], text, path)
        held = [path for path in self.run_folder.rglob("*") if path.is_file() and path.name in
                ("config.yaml", "knowledge.jsonl", "knowledge.json", "domain_rules.txt", "knowledge.spent.jsonl")]
        self.assertLessEqual({"config.yaml", "knowledge.jsonl", "knowledge.spent.jsonl"}, {path.name for path in held})
        for path in held:
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)


if __name__ == "__main__":
    outside.take_programs()
    suite.main()
