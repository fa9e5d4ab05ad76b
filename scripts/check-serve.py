"""Puts `barkbird serve` under load, stops it in the middle, and asks it by its description alone. Run by check-serve.sh."""

import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import requests

AT_ONCE = 200
MOST_MIB = 8


class Server:
    """A server with a temporary folder of its own."""

    def __init__(self, barkbird, run, *more, token=None):
        self.temporary = pathlib.Path("tmp")
        self.temporary.mkdir(exist_ok=True)
        self.log = open("server.log", "a+")
        command = [barkbird, "serve", run, "--addr", "127.0.0.1:0", "--max-upload-mib", str(MOST_MIB), "--max-seconds", "600", *more]
        environment = {**os.environ, "TMPDIR": str(self.temporary.resolve())} | ({"BARKBIRD_TOKEN": token} if token else {})
        begin = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(command, stderr=self.log, env=environment)
        for _ in range(300):
            found = re.search(r"http://[0-9.:]+", pathlib.Path("server.log").read_text()[begin:])
            if found:
                self.url = found.group()
                return
            assert self.process.poll() is None, pathlib.Path("server.log").read_text()
            time.sleep(0.1)
        raise SystemExit("the server did not start")

    @property
    def address(self):
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def status(self):
        """Peak of memory in MiB, memory in MiB, threads, open files."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        number = lambda key: int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))
        files = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        return number("VmHWM") // 1024, number("VmRSS") // 1024, number("Threads"), files

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def post(url, body, more={}, **query):
    headers = {"Content-Type": "application/octet-stream", **more}
    return requests.post(f"{url}/api/predict", params=query, headers=headers, data=body, timeout=300)


def slow(server, body):
    """A client that sends a little, and then nothing for a while."""
    with socket.create_connection(server.address, timeout=120) as stream:
        head = f"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        stream.sendall(head.encode())
        for at in range(0, len(body), max(len(body) // 4, 1)):
            stream.sendall(body[at : at + max(len(body) // 4, 1)])
            time.sleep(0.2)
        answer = b""
        while part := stream.recv(1 << 16):
            answer += part
    return int(answer.split(b" ", 2)[1])


def cut(server, body):
    """A client that goes away in the middle."""
    with socket.create_connection(server.address, timeout=120) as stream:
        head = f"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: {len(body)}\r\n\r\n"
        stream.sendall(head.encode() + body[: len(body) // 2])
    return None


def one(server, kind, sounds, hostile, expected):
    """Sends one upload; gives what is wrong with its answer."""
    name = random.choice(list(sounds))
    if kind == "good":
        answer = post(server.url, sounds[name], name=name)
        wanted = expected[name]
        found = (answer.status_code, labels(answer.json()) if answer.ok else None)
        return None if found == wanted else f"{name}: expected {wanted}, got {found}: {answer.text[:200]}"
    if kind == "slow":
        status = slow(server, sounds[name])
        return None if status == expected[name][0] else f"slow {name}: {status}"
    if kind == "cut":
        return cut(server, sounds[name])
    if kind == "oversize":
        try:
            answer = post(server.url, b"\0" * ((MOST_MIB + 1) << 20))
        except requests.ConnectionError:
            return None
        return None if answer.status_code == 413 and answer.json()["error"]["code"] == "too_large" else f"oversize: {answer.status_code}"
    body = random.choice(hostile) if kind == "hostile" else sounds[name][: random.randrange(1, 40)]
    answer = post(server.url, body)
    if answer.status_code in (200, 413, 422):
        return None
    return f"{kind}: {answer.status_code}: {answer.text[:200]}"


def labels(answer):
    return [(window["start"], window["label"], round(window["probability"], 5)) for window in answer["windows"]]


KINDS = ["good"] * 10 + ["slow", "cut", "oversize", "hostile", "hostile", "broken"]


def round_of(server, sounds, hostile, expected):
    kinds = [random.choice(KINDS) for _ in range(AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        problems = [problem for problem in pool.map(lambda kind: one(server, kind, sounds, hostile, expected), kinds) if problem]
    assert not problems, "\n".join(problems[:10])
    return collections.Counter(kinds)


def load(server, sounds, hostile, minutes):
    expected = {}
    for name, sound in sounds.items():
        answer = post(server.url, sound, name=name)
        expected[name] = (answer.status_code, labels(answer.json()) if answer.ok else None)
    total, until, seen = collections.Counter(), time.time() + 60 * minutes, []
    while time.time() < until or len(seen) < 3:
        total += round_of(server, sounds, hostile, expected)
        time.sleep(1)
        seen.append(server.status())
    left = os.listdir(server.temporary)
    left = [name for name in left if not name.startswith("barkbird-serve-")]
    print(f"{len(seen)} rounds of {AT_ONCE} at once: {dict(total)}")
    for place, (peak, memory, threads, files) in (("first", seen[0]), ("middle", seen[len(seen) // 2]), ("last", seen[-1])):
        print(f"  {place} round: peak {peak} MiB, then {memory} MiB, {threads} threads, {files} open files")
    middle, last = seen[len(seen) // 2], seen[-1]
    assert not left, f"left in the temporary folder: {left}"
    assert last[2] <= middle[2] + 4 and last[3] <= middle[3] + 4, "threads or open files grow"
    assert last[0] <= middle[0] * 1.2 + 32, "memory grows"


def stop_in_the_middle(barkbird, run, sounds):
    """Every request whose connection was taken before SIGTERM is answered in full, or told that the server stops."""
    server = Server(barkbird, run)
    names = [name for name in sounds]
    outcomes = collections.Counter()
    lock = threading.Lock()

    def ask(nth):
        try:
            status = post(server.url, sounds[names[nth % len(names)]]).status_code
        except requests.ConnectionError as error:
            refused = "refused" in str(error).lower()
            status = "refused" if refused else f"lost: {error}"
        with lock:
            outcomes[status] += 1

    threads = [threading.Thread(target=ask, args=(nth,)) for nth in range(AT_ONCE)]
    [thread.start() for thread in threads]
    time.sleep(0.5)
    code = server.stop()
    [thread.join() for thread in threads]
    print(f"SIGTERM among {AT_ONCE}: {dict(outcomes)}, exit code {code}")
    assert code == 0 and outcomes[200] > 0, code
    assert set(outcomes) <= {200, 503, "refused"}, outcomes
    assert not os.listdir(server.temporary), os.listdir(server.temporary)


def described(barkbird, run, programs, sounds):
    token = "%032x" % random.getrandbits(128)
    server = Server(barkbird, run, "--review", "detections.csv", "--reviews", "reviews.csv", token=token)
    knows = {"Authorization": f"Bearer {token}"}
    assert requests.get(server.url + "/api/models", timeout=60).status_code == 401
    for path in ("/api/health", "/api/models", "/api/queue", "/api/fits", "/metrics"):
        requests.get(server.url + path, headers=knows, timeout=60).raise_for_status()
    document = requests.get(server.url + "/openapi.json", timeout=60).json()
    name, sound = next(iter(sounds.items()))
    assert post(server.url, sound, knows, name=name, events="true", format="raven").text.startswith("Selection\t")
    print(f"description: {sum(len(methods) for methods in document['paths'].values())} operations")
    command = [
        f"{programs}/schemathesis", "run", server.url + "/openapi.json", "--max-examples", os.environ.get("EXAMPLES", "20"), "--seed", "1",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        # What never ends by itself has a test of its own; busy and stopping are no faults.
        "--exclude-path-regex", "/events$", "--header", f"Authorization: Bearer {token}", "--request-timeout", "30", "--phases", "examples,coverage,fuzzing",
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=900)
    print("\n".join(outcome.stdout.splitlines()[-25:]))
    assert outcome.returncode == 0, outcome.stdout[-6000:] + outcome.stderr[-2000:]
    assert server.stop() == 0


def main():
    barkbird, run, data, fixtures, programs, minutes = sys.argv[1:]
    paths = sorted(path for path in pathlib.Path(data).rglob("*") if path.suffix.lower() in (".wav", ".flac", ".mp3", ".ogg"))
    sounds = {path.name: path.read_bytes() for path in paths[:40] if path.stat().st_size < MOST_MIB << 20}
    hostile = [path.read_bytes() for path in pathlib.Path(fixtures).rglob("fuzz/*/*") if path.is_file()]
    random.seed(1)
    server = Server(barkbird, run)
    load(server, sounds, hostile, float(minutes))
    assert server.stop() == 0
    assert not os.listdir(server.temporary), os.listdir(server.temporary)
    stop_in_the_middle(barkbird, run, sounds)
    described(barkbird, run, programs, sounds)
    print(json.dumps({"ok": True}))


main()
