"""A chat endpoint on this machine whose replies depend on the request alone, for the tests of routedk-distill."""
import http.server
import json
import re
import threading
import time


def reply_to(body):
    """A good reply to most requests, a bad one to some; the same to the same request."""
    question = body["messages"][-1]["content"]
    luck = sum(question.encode()) + body["seed"]
    if "You proposed" in question:
        return f"Cause: haste.\nRule: Put number {luck % 5} things with their kin." if luck % 7 else "I do not know."
    gold = re.search(r"^Bundles: (.*)$", question, re.MULTILINE)
    if gold:
        titles = re.search(r"^Products: (.*)$", question, re.MULTILINE)[1]
        return re.sub(r"product\d+: ", "a ", titles) + " go together so.\n" + (gold[1] if luck % 7 else "{}")
    return '{"bundle1": ["product1", "product2"]}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.server.delay)
        with self.server.lock:
            self.server.served += 1
        data = json.dumps({"choices": [{"message": {"role": "assistant", "content": reply_to(body)},
                                        "finish_reason": "stop"}],
                           "usage": {"prompt_tokens": 10, "completion_tokens": 5}}).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the client was killed

    def log_message(self, *arguments):
        pass


def serve(delay):
    """-> a running server; `served` counts its replies, `url` is its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.delay, server.served, server.lock = delay, 0, threading.Lock()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
