"""Listens to a recording at the speed at which it was recorded, or faster, with a broker beside it; see check-listen.sh."""

import array
import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from amqtt.broker import Broker


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Running:
    """A broker in a thread of its own, which can be taken away and put back."""

    def __init__(self, port: int):
        self.loop = asyncio.new_event_loop()
        self.port = port
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.start()

    def _run(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(20)

    def start(self):
        async def start():
            config = {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
            self.broker = Broker(config)
            await self.broker.start()

        self._run(start())

    def stop(self):
        self._run(self.broker.shutdown())


def subscriber(port: int, seen: list) -> paho.Client:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: seen.append((message.topic, message.payload.decode()))
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    return client


def expect(holds: bool, what: str, more=""):
    print(f"{'ok  ' if holds else 'FAIL'} {what} {more}", flush=True)
    if not holds:
        sys.exit(1)


def children() -> tuple:
    """Processor time of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime, usage.ru_stime


def memory_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def delays(barkbird: str, run: str, samples: bytes, rate: int):
    """Prints how long after their ends events are told, where sound comes at the speed of time."""
    arguments = [barkbird, "listen", run, "-", "--rate", str(rate), "--format", "jsonl"]
    listening = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    waited, began, step = [], time.time(), rate // 20 * 2

    def read():
        for line in map(json.loads, listening.stdout):
            if line["event"] == "started":
                waited.append(line["window_s"])
            # The last events are told when the sound ends, and wait for nothing.
            if line["event"] == "detection" and line["end"] < len(samples) / 2 / rate - 3:
                waited.append(time.time() - began - line["end"])

    reader = threading.Thread(target=read)
    reader.start()
    for at in range(0, len(samples), step):
        time.sleep(max(0, began + (at + step) / 2 / rate - time.time()))
        listening.stdin.write(samples[at : at + step])
        listening.stdin.flush()
    listening.stdin.close()
    reader.join()
    listening.wait()
    window_s, *lags = waited
    expect(len(lags) > 2, f"at {rate} Hz", f"{len(lags)} events were told {min(lags):.1f} to {max(lags):.1f} s after their ends; a window is {window_s:.2f} s")


def main():
    barkbird, run, raw, out = sys.argv[1:5]
    rate = 16_000
    samples = Path(raw).read_bytes()
    first = array.array("h", samples[: 40 * 2 * rate])
    delays(barkbird, run, first.tobytes(), rate)
    delays(barkbird, run, array.array("h", (sample for sample in first for _ in range(3))).tobytes(), 3 * rate)
    seconds = len(samples) / 2 / rate
    port, seen = free_port(), []
    broker = Running(port)
    client = subscriber(port, seen)
    arguments = [barkbird, "listen", run, "-", "--rate", str(rate), "--name", "garden", "--format", "jsonl", "--clips", out]
    listening = subprocess.Popen(
        [*arguments, "--mqtt", f"mqtt://127.0.0.1:{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    lines = []

    def read():
        for line in listening.stdout:
            lines.append((time.time(), json.loads(line)))

    reader = threading.Thread(target=read)
    reader.start()
    began, step = time.time(), rate // 10 * 2
    away = False
    for at in range(0, len(samples), step):
        pause = began + at / 2 / rate - time.time()
        if pause > 0:
            time.sleep(pause)
        listening.stdin.write(samples[at : at + step])
        listening.stdin.flush()
        # In the middle the broker is away for a while.
        if not away and at > len(samples) / 2:
            client.loop_stop()
            threading.Thread(target=lambda: (broker.stop(), time.sleep(2), broker.start())).start()
            away = True
    peak = memory_mib(listening.pid)
    time.sleep(4)
    late = []
    client = subscriber(port, late)
    listening.send_signal(signal.SIGTERM)
    before = children()
    code = listening.wait(30)
    after = children()
    reader.join()
    time.sleep(1)
    client.loop_stop()

    by_kind = {}
    for at, line in lines:
        by_kind.setdefault(line["event"], []).append((at, line))
    events = [line for _, line in by_kind.get("detection", [])]
    expect(code == 0, "SIGTERM ends it with 0", f"(got {code}; the pipe was still open)")
    expect(len(events) > 3, "events were heard", f"({len(events)} in {seconds:.0f} s of sound)")
    finished = by_kind["finished"][0][1]
    expect(abs(finished["seconds"] - seconds) < 0.2, "all of the sound was classified", f"({finished['seconds']:.1f} of {seconds:.1f} s)")
    expect(finished["messages_lost"] == 0, "no message was lost, though the broker was away for two seconds")
    expect(any("MQTT" in line["message"] for _, line in by_kind.get("warning", [])), "its absence was told")
    clips = [event["clip"] for event in events]
    expect(all((Path(out) / clip).is_file() for clip in clips) and len(set(clips)) == len(clips), "each event has its clip")
    classes = by_kind["started"][0][1]["classes"]
    configs = {topic: json.loads(payload) for topic, payload in seen if topic.startswith("homeassistant/") and payload}
    expect(len(configs) == 1 + 2 * len(classes), "Home Assistant was told of each class", f"({len(configs)} configurations)")
    topics = {config["state_topic"] for config in configs.values()} | {config["availability_topic"] for config in configs.values()}
    told = {topic for topic, _ in seen + late}
    used = {"barkbird/garden/status"} | {f"barkbird/garden/class/{event['label']}" for event in events}
    expect(used <= topics and used <= told, "and messages came on the topics that it was told of")
    got = {payload for topic, payload in seen + late if topic == "barkbird/garden/detection"}
    expect(len(got) > 0 and all(json.loads(p)["event_type"] in classes for p in got), "events came as messages", f"({len(got)})")
    status = [payload for topic, payload in late if topic == "barkbird/garden/status"]
    expect(status[-1] == "offline", "it said goodbye", f"({status})")
    processor_s = sum(after[:2]) - sum(before[:2])
    print(f"     memory at most {peak:.0f} MiB, {processor_s:.1f} s of processor time for {seconds:.0f} s of sound")


main()
