"""LiteRT's half of bench-yamnet.sh: bench-yamnet.py MODEL prints 5 s clips a second on two threads."""

import sys
import time

import numpy
from ai_edge_litert.interpreter import Interpreter

RATE_HZ, WINDOW, HOP, CLIPS = 16000, 15600, 7680, 40

interpreter = Interpreter(sys.argv[1], num_threads=2)
interpreter.allocate_tensors()
place = interpreter.get_input_details()[0]["index"]
scores = interpreter.get_output_details()[0]["index"]
clip = numpy.random.default_rng(0).uniform(-1, 1, 5 * RATE_HZ).astype("float32")
starts = range(0, len(clip) - WINDOW + 1, HOP)


def listen():
    for start in starts:
        interpreter.set_tensor(place, clip[start : start + WINDOW])
        interpreter.invoke()
        interpreter.get_tensor(scores)


listen()
began = time.perf_counter()
for _ in range(CLIPS):
    listen()
print(f"LiteRT, {len(starts)} windows a clip: {CLIPS / (time.perf_counter() - began):.1f}")
