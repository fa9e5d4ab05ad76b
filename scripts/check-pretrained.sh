#!/usr/bin/env bash
# Our networks against the reference libraries, with the same real weights.
#
#     scripts/check-pretrained.sh MODELS
#
# MODELS holds one folder a checkpoint, as the hub has it, each with a golden.safetensors of the reference's values, and the
# folder yamnet with yamnet.tflite beside its model.safetensors.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
models=${1:?usage: scripts/check-pretrained.sh MODELS}
[ -f "$models/yamnet/golden.safetensors" ] || die "$models/yamnet/golden.safetensors: no such file"
checkpoints=()
for config in "$models"/*/config.json; do
  [ -f "$config" ] || die "$models: no checkpoint with a config.json"
  checkpoints+=("$(dirname "$config")")
done
cd "$root"
cargo run --release --quiet --package models-vit --example check_checkpoint -- "${checkpoints[@]}"
cargo run --release --quiet --package models-cnn --example check_yamnet -- "$models/yamnet"
