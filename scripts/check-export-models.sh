# Sourced by check-export.sh, check-export-page.sh and check-opensoundscape.sh, after lib.sh.

# export_models [DATA MODELS OUT]: writes graphs and sets $exported to their folders, $out to the folder around them.
# Without arguments: a small CNN of made sounds, from samples and from its spectrogram. With arguments: a CNN and YAMNet of `fit`, and a
# transformer, compared on 200 recordings of DATA/field and DATA/field2; $out/NAME is the run that $out/onnx-NAME was exported from,
# and $out/clips.csv are the recordings. Fits that are in OUT already are taken from there, and graphs that are newer than the program
# and the fit.
export_models() {
  find_barkbird
  exported=()
  if [ $# = 0 ]; then
    make_work
    out=$work
    "$barkbird" synth --out "$out/sounds" --clips 40 --quiet
    "$barkbird" scan "$out/sounds/manifest.csv" --out "$out/clips.csv" --quiet 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    "$barkbird" features "$out/clips.csv" --out "$out/features" --quiet
    "$barkbird" train cnn --features "$out/features" --out "$out/cnn" --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=10
    "$barkbird" anomaly fit "$out/cnn" --features "$out/features" --method knn --quiet 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    export_one cnn
    ln -s cnn "$out/cnn-spectrogram"
    export_one cnn-spectrogram --from spectrogram
    return
  fi
  local usage="usage: $0 [DATA MODELS OUT]" data models set name
  data=$(realpath -m "$1") models=$(realpath -m "${2:?$usage}") out=$(realpath -m "${3:?$usage}")
  [ -f "$data/field2/manifest.csv" ] || die "$data/field2/manifest.csv: no such file"
  [ -d "$models/dinov2-small" ] || die "$models/dinov2-small: no such folder"
  fit_pair "$data" "$models" "$out"
  if [ ! -f "$out/vit/model.safetensors" ]; then
    "$barkbird" scan "$data/animals/manifest.csv" --out "$out/manifest.csv" --quiet
    "$barkbird" features "$out/manifest.csv" --out "$out/features" --quiet
    "$barkbird" train vit --features "$out/features" --out "$out/vit" --pretrained "$models/dinov2-small" --strategy probe --set train.epochs=3 --quiet
  fi
  python3 - "$data" 200 >"$out/clips.csv" <<'END'
import csv, os, sys
data, most = sys.argv[1], int(sys.argv[2])
rows = [(os.path.join(data, part, row["path"]), row["label"]) for part in ("field", "field2")
        for row in csv.DictReader(open(os.path.join(data, part, "manifest.csv")))]
if len(rows) < most:
    sys.exit(f"error: {len(rows)} recordings, {most} are needed")
csv.writer(sys.stdout, lineterminator="\n").writerows([("path", "label"), *(rows[i * len(rows) // most] for i in range(most))])
END
  for name in cnn yamnet vit; do export_one "$name"; done
}

export_one() { # NAME FLAGS...
  local graph=$out/onnx-$1/model.onnx
  if [ ! "$graph" -nt "$barkbird" ] || [ ! "$graph" -nt "$out/$1/model.safetensors" ]; then
    "$barkbird" export onnx "$out/$1" --out "$out/onnx-$1" --overwrite --quiet --compare-on "$out/clips.csv" "${@:2}"
  fi
  exported+=("$out/onnx-$1")
}

# predict_some NAME: sets $predictions to what `predict` says of every tenth recording, for programs that decode and resample themselves.
predict_some() {
  predictions=$out/predict-$1.json
  awk 'NR == 1 || NR % 10 == 2' "$out/clips.csv" >"$out/clips-some.csv"
  "$barkbird" predict "$out/$1" "$out/clips-some.csv" --reject none --format json --out "$predictions" --overwrite --quiet
}
