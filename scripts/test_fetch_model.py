"""Tests fetch_model.py against a hub on this machine that speaks as much of Hugging Face's protocol as its client asks."""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

REPO, REVISION = "owner/tiny", "0123456789abcdef0123456789abcdef01234567"
SCRIPT = Path(__file__).with_name("fetch_model.py")


def blob_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}
    damaged = ""  # the name of a file that is sent other than recorded

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body: bool):
        path = self.path.split("?")[0]
        if path == "/":
            return self.send(b"a hub", {}, body)
        if path == f"/api/models/{REPO}/tree/{REVISION}":
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": blob_hash(data)}
                for name, data in self.files.items()
            ]
            return self.send(json.dumps(tree).encode(), {"Content-Type": "application/json"}, body)
        name = path.removeprefix(f"/{REPO}/resolve/{REVISION}/")
        if name not in self.files:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound" if "/resolve/" not in path else "EntryNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        data = self.files[name]
        headers = {"X-Repo-Commit": REVISION, "ETag": f'"{blob_hash(data)}"'}
        if name.endswith(".safetensors"):
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(data))
        if name == self.damaged:
            data = bytes([data[0] ^ 1]) + data[1:]
        return self.send(data, headers, body)

    def send(self, data: bytes, headers: dict[str, str], body: bool):
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class FetchModel(unittest.TestCase):
    def setUp(self):
        Hub.files = {
            "config.json": b'{"model_type": "bert"}',
            "vocab.txt": b"[PAD]\n[UNK]\n",
            "1_Pooling/config.json": b"{}",
            "2_Dense/model.safetensors": b"weights of a step after the network",
            "model.safetensors": bytes(range(256)) * 40,
            "pytorch_model.bin": b"the same weights in a format that nobody here reads",
            "onnx/model.onnx": b"another exporter's network",
        }
        Hub.damaged = ""
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.tmp = Path(tmp.name)

    def fetch(self, repo=REPO, endpoint=None):
        endpoint = endpoint or f"http://127.0.0.1:{self.server.server_port}"
        env = os.environ | {"HF_ENDPOINT": endpoint, "HF_HOME": str(self.tmp / "hf"), "NO_PROXY": "127.0.0.1"}
        return subprocess.run(
            [sys.executable, str(SCRIPT), repo, REVISION, str(self.tmp / "model")],
            env=env, capture_output=True, text=True, timeout=120,
        )

    def test_what_is_needed_arrives_and_nothing_else(self):
        done = self.fetch()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        got = {
            str(path.relative_to(self.tmp / "model")): path.read_bytes()
            for path in (self.tmp / "model").rglob("*")
            if path.is_file() and ".cache" not in path.parts
        }
        unwanted = {"pytorch_model.bin", "onnx/model.onnx"}
        self.assertEqual(got, {name: data for name, data in Hub.files.items() if name not in unwanted})

    def test_a_damaged_file_is_named_and_removed(self):
        for name in ("model.safetensors", "config.json"):
            with self.subTest(name):
                shutil.rmtree(self.tmp / "model", ignore_errors=True)
                Hub.damaged = name
                done = self.fetch()
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertIn(f"{name} is damaged", done.stdout)
                self.assertFalse((self.tmp / "model" / name).exists())
                Hub.damaged = ""
                self.assertEqual(self.fetch().returncode, 0, "the next run mends it")

    def test_a_repository_without_safetensors_may_be_exported_already(self):
        del Hub.files["model.safetensors"]
        done = self.fetch()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        network = (self.tmp / "model" / "onnx" / "model.onnx").read_bytes()
        self.assertEqual(network, Hub.files["onnx/model.onnx"])

    def test_a_repository_without_a_network_is_refused(self):
        del Hub.files["model.safetensors"], Hub.files["onnx/model.onnx"]
        done = self.fetch()
        self.assertEqual(done.returncode, 1)
        self.assertIn("no model.safetensors", done.stdout)

    def test_an_unknown_repository_is_said_in_one_line(self):
        done = self.fetch(repo="owner/none")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("owner/none", done.stdout.splitlines()[-1])
        self.assertNotIn("Traceback", done.stdout + done.stderr)

    def test_a_hub_out_of_reach_has_a_status_of_its_own(self):
        self.assertEqual(self.fetch(endpoint="http://127.0.0.1:9").returncode, 3)


if __name__ == "__main__":
    unittest.main()
