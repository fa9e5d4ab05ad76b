"""BirdNET 2.4 by its own Python package on one recording. Called by scripts/bench-night.py.

    python birdnet_night.py FOLDER RECORDING.wav OUT.csv OVERLAP_S CONFIDENCE

FOLDER has model.tflite and labels.txt. All else is the package's default: 5 labels a window, no list of species by place, one
process a core. Writes start, end, label and confidence of each label of each window of 3 s; and, with the package's own
writer, the same as OUT.package.csv.
"""

import csv
import os
import sys

import birdnet


def main():
    folder, recording, out, overlap_s, confidence = sys.argv[1:]
    # LiteRT, since the other library is TensorFlow.
    model = birdnet.load_custom(
        "acoustic", "2.4", "tf", f"{folder}/model.tflite", f"{folder}/labels.txt", check_validity=False, library="litert"
    )
    result = model.predict(
        recording, overlap_duration_s=float(overlap_s), default_confidence_threshold=float(confidence), n_workers=os.cpu_count()
    )
    result.to_csv(out.removesuffix(".csv") + ".package.csv", silent=True)
    with open(out, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("start", "end", "label", "confidence"))
        for row in result.to_structured_array():
            table.writerow((f"{row['start_time']:.3f}", f"{row['end_time']:.3f}", row["species_name"], f"{row['confidence']:.6f}"))


# The package starts processes that import this file.
if __name__ == "__main__":
    main()
