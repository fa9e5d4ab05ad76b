"""An S3 server (moto) that fails on purpose: 500, 503, answers that are lost, cut off or late.

    faulty-s3.py PORT COUNTS [SEED] [SHARE]

COUNTS: a JSON file with the number of requests and of each fault, written again every second. SHARE of the requests meet a
fault (0.1 by default).
"""

import json
import random
import sys
import threading
import time

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple

port, counts_file = int(sys.argv[1]), sys.argv[2]
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
share = float(sys.argv[4]) if len(sys.argv) > 4 else 0.1

FAULTS = ["error 500", "slow down 503", "answer lost", "cut off", "late"]
generator = random.Random(seed)
lock = threading.Lock()
counts = {"requests": 0, **{fault: 0 for fault in FAULTS}}
moto = DomainDispatcherApplication(create_backend_app)
# moto keeps objects in plain dictionaries.
store = threading.Lock()


def refuse(start_response, status, code):
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def application(environ, start_response):
    with lock:
        counts["requests"] += 1
        fault = generator.choice(FAULTS) if generator.random() < share else None
        if fault:
            counts[fault] += 1
    # The body is read in any case, as a server does before it answers.
    if fault == "error 500":
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return refuse(start_response, "500 Internal Server Error", "InternalError")
    if fault == "slow down 503":
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return refuse(start_response, "503 Slow Down", "SlowDown")
    if fault == "late":
        time.sleep(generator.uniform(0.5, 2.0))
    answer = []

    def keep(status, headers, exc_info=None):
        answer[:] = [status, headers]

    with store:
        parts = moto(environ, keep)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
    if fault == "answer lost":
        return refuse(start_response, "500 Internal Server Error", "InternalError")
    start_response(*answer)
    if fault == "cut off" and len(body) > 1:
        # The length that was promised does not come.
        return [body[: len(body) // 2]]
    return [body]


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *args):
        pass


def write_counts():
    while True:
        time.sleep(1)
        with lock:
            text = json.dumps(counts)
        with open(counts_file, "w") as out:
            out.write(text)


threading.Thread(target=write_counts, daemon=True).start()
run_simple("127.0.0.1", port, application, threaded=True, request_handler=Quiet)
