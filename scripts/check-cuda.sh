#!/usr/bin/env bash
# `--device cuda` against the CPU: equal weights must give equal logits and equal seeds equal training within rounding, and a run
# that was killed must resume. Then training clips a second of both.
#
#     scripts/check-cuda.sh BARKBIRD OUT
#
# BARKBIRD: a program built with `--features cuda`. OUT: a folder for all that it makes; with the runs of an earlier check it is
# refused. Synthetic sounds, tiny random checkpoints, and two networks of the real sizes (YAMNet, ViT-S) with random
# weights. Every line says `ok` or `FAIL`; the end fails if one of them did.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-cuda.sh BARKBIRD OUT"
barkbird=$(realpath "${1:?$usage}")
out=${2:?$usage}
[ -x "$barkbird" ] || die "$barkbird: no such program"
tiny=$root/fixtures/checkpoints
compare="python3 $root/scripts/check-cuda.py"
mkdir -p "$out"
cd "$out"
[ -e sounds ] && die "$out: holds an earlier check; name another folder"
failed=0

# said WHAT STATUS [LOG]: one line, and what the log ends with where it failed.
said() {
  if [ "$2" = 0 ]; then echo "ok    $1"; return; fi
  echo "FAIL  $1"
  [ -z "${3:-}" ] || tail -n 6 "$3" | sed 's/^/      /'
  failed=1
}

# both NAME COMMAND...: the command on either device at the same time, each %D in it the device's name.
both() {
  local name=$1 device status=0; shift
  local -A process=()
  for device in cpu cuda; do
    "$barkbird" "${@//%D/$device}" --device $device --quiet >"$name-$device.log" 2>&1 &
    process[$device]=$!
  done
  for device in cpu cuda; do
    wait "${process[$device]}" || { status=1; said "$name on $device" 1 "$name-$device.log"; }
  done
  return $status
}

# against NAME COMMAND...: a comparison, whose last line is shown with it.
against() {
  local name=$1 status=0; shift
  $compare "$@" >"compare.log" 2>&1 || status=$?
  said "$name: $(tail -n 1 compare.log)" $status
  return 0
}

# asked RUN FEATURES: one model file on both devices.
asked() {
  both "$1-embed" embed "$1" --features "$2" --out "$1-embed-%D" || return 0
  against "$1: logits of one model file" embeddings "$1-embed-cpu" "$1-embed-cuda"
}

# trained NAME EPOCHS FEATURES FLAGS...: trained on either device with the same seed; what CUDA made is asked on both.
trained() {
  local name=$1 epochs=$2 features=$3; shift 3
  both "$name" train "$@" --features "$features" --out "$name-%D" --seed 3 --epochs "$epochs" || return 0
  against "$name: training" runs "$name-cpu" "$name-cuda"
  "$barkbird" train "$@" --features "$features" --out "$name-start" --seed 3 --epochs 1 --lr 1e-30 --device cpu \
    >"$name-start.log" 2>&1 || { said "$name, learning nothing" 1 "$name-start.log"; return 0; }
  against "$name: gradients" moved "$name-start" "$name-cpu" "$name-cuda"
  asked "$name-cuda" "$features"
}

# killed NAME FEATURES FLAGS...: eight epochs on CUDA, and the same killed after two. Sets $command to what trains.
killed() {
  local name=$1 features=$2; shift 2
  command=("$barkbird" train "$@" --features "$features" --epochs 8 --quiet)
  "${command[@]}" --device cuda --out "$name-whole" >"$name.log" 2>&1 || { said "$name, unbroken" 1 "$name.log"; return 0; }
  "${command[@]}" --device cuda --out "$name-broken" >"$name.log" 2>&1 &
  local process=$!
  until [ "$(wc -l 2>/dev/null <"$name-broken/metrics.jsonl" || echo 0)" -ge 2 ]; do
    kill -0 $process 2>/dev/null || break
    sleep 0.02
  done
  kill -KILL $process 2>/dev/null || true
  wait $process 2>/dev/null || true
  [ ! -e "$name-broken/model.safetensors" ] || said "$name: it was over before it was killed" 1
}

# resumed NAME DEVICE: the killed run goes on, against the one that was not killed.
resumed() {
  local run=$1-$2
  cp -r "$1-broken" "$run"
  "${command[@]}" --device "$2" --out "$run" --resume >"$run.log" 2>&1 || { said "$1, --resume on $2" 1 "$run.log"; return 0; }
  against "$1: killed on CUDA, gone on with on $2" runs "$1-whole" "$run"
}

# rate NAME TURNS FEATURES FLAGS...: training clips a second. TURNS: how often an epoch goes over the clips on the CPU; on the
# faster CUDA four times as often, so that an epoch is long beside its end. Evaluation is left out as far as can be.
rate() {
  local name=$1 turns=$2 features=$3 device; shift 3
  for device in cpu cuda; do
    "$barkbird" train "$@" --features "$features" --out "rate-$device" --overwrite --device $device --epochs 3 \
      --val-split none --set train.train_eval_clips=16 --set train.repeat="$turns" >"rate-$device.log" 2>&1 ||
      { said "$name" 1 "rate-$device.log"; return 0; }
    turns=$((turns * 4))
  done
  $compare rate "$name" rate-cpu rate-cuda
}

# steady NAME EPOCHS FEATURES FLAGS...: memory on the card while it trains, after a third of the epochs and near the end.
steady() {
  local name=$1 epochs=$2 features=$3 early=0 used=0 now; shift 3
  "$barkbird" train "$@" --features "$features" --out steady --overwrite --epochs "$epochs" --device cuda >steady.log 2>&1 &
  local process=$!
  while kill -0 $process 2>/dev/null; do
    now=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | head -n 1)
    case $(wc -l 2>/dev/null <steady/metrics.jsonl || echo 0) in
      "$((epochs / 3))") early=$now ;;
      "$((epochs - 1))") used=$now ;;
    esac
    sleep 0.1
  done
  wait $process || { said "$name" 1 steady.log; return 0; }
  local status=0; [ "$early" -gt 0 ] && [ "$used" -gt 0 ] && [ "$used" -le $((early + early / 10)) ] || status=1
  said "$name: memory after a third of the epochs $early MiB, in the last $used MiB (at most a tenth more)" $status
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || die "nvidia-smi: no GPU"
echo "$(nproc) processors: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
if "$barkbird" predict none none --device cuda:99 >refused.log 2>&1; then
  said "cuda:99 is refused" 1
else
  status=0; grep -q 'cuda:99' refused.log || status=$?
  said "cuda:99 is refused: $(head -n 1 refused.log)" $status
fi

"$barkbird" synth --out sounds --clips 160 --quiet
"$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet 2>scan.log
for kind in log-mel yamnet ast; do
  "$barkbird" features manifest.csv --out "$kind" --front-end "$kind" --quiet
done
"$barkbird" features manifest.csv --out fine --quiet --set front_end.kind.mel.n_mels=128 --set front_end.hop=512
python3 "$root/scripts/check-cuda-weights.py" weights

# Long enough to have learned.
both cnn train cnn --features log-mel --out cnn-%D --seed 3 --epochs 6 --set train.repeat=4 &&
  against "cnn: training" runs cnn-cpu cnn-cuda 0.7 && asked cnn-cuda log-mel
trained cnn-short 2 log-mel cnn
trained cnn-more 2 log-mel cnn --augment strong --set train.average=0.9 --set train.micro_batch=12 \
  --set cnn.downsample=average-pool --set cnn.residual=true --set cnn.dropout=0.2
trained cnn-stride 2 log-mel cnn --set cnn.downsample=stride --set train.augment.mixup_alpha=0.4
for strategy in probe last lora full; do
  trained "vit-$strategy" 3 log-mel vit --pretrained "$tiny/dinov2" --strategy $strategy --last 1 --precision f32
done
trained vit-more 2 log-mel vit --pretrained "$tiny/vit" --strategy full --precision f32 --augment strong \
  --set train.average=0.9 --set train.micro_batch=12 --set "vit.patchout=[1, 1]" --set vit.stochastic_depth=0.3
trained vit-image 2 log-mel vit --pretrained "$tiny/deit" --strategy last --last 1 --precision f32 --set vit.view=as-image
# In bf16 on both, where the CPU has it; no step has been compared on a card yet, so the bound is that of f32.
if grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
  both vit-bf16 train vit --pretrained "$tiny/dinov2" --strategy full --precision bf16 --features log-mel --out vit-bf16-%D \
    --seed 3 --epochs 2 && against "vit-bf16: training" runs vit-bf16-cpu vit-bf16-cuda
fi
trained vit-ast 1 ast vit --pretrained "$tiny/ast" --strategy full --precision f32
for strategy in probe last full; do
  trained "yamnet-$strategy" 1 yamnet yamnet --pretrained weights/yamnet --strategy $strategy --precision f32
done
# Too many weights to compare here one by one, or none.
both vit-s train vit --pretrained weights/vit-s --strategy full --precision f32 --features log-mel --out vit-s-%D --epochs 1 &&
  against "vit-s: training" runs vit-s-cpu vit-s-cuda && asked vit-s-cuda log-mel
both neighbors train vit --pretrained "$tiny/vit" --strategy probe --head neighbors --precision f32 --features log-mel \
  --out neighbors-%D && asked neighbors-cuda log-mel

killed resume-cnn log-mel cnn --set train.average=0.9
resumed resume-cnn cuda
resumed resume-cnn cpu
# A rate that rises beyond all measure: the best epoch is one before the kill.
killed resume-lora log-mel vit --pretrained "$tiny/dinov2" --strategy lora --precision f32 --lr 0.1 --seed 0 --set train.warmup_share=1
resumed resume-lora cuda

both evaluate evaluate cnn-cuda --features log-mel --split test --out "cnn-test-%D"
against "cnn: evaluate" metrics cnn-test-cpu cnn-test-cuda
for model in cnn-cuda vit-full-cuda yamnet-full-cuda; do
  both "predict-$model" predict "$model" manifest.csv --format json --out "$model-%D.json"
  against "$model: predict" verdicts "$model-cpu.json" "$model-cuda.json"
done

steady "memory, ViT-S, LoRA" 12 log-mel vit --pretrained weights/vit-s --strategy lora --set train.average=0.9
steady "memory, CNN" 12 log-mel cnn --set train.average=0.9 --set train.repeat=16

echo
echo "training clips a second: | CPU | CUDA |"
rate "CNN, small, 64 bands" 16 log-mel cnn
rate "CNN, small, 128 bands" 8 fine cnn
rate "CNN, base, 128 bands" 2 fine cnn --preset base
rate "ViT-S, LoRA, 64 bands" 2 log-mel vit --pretrained weights/vit-s --strategy lora
rate "ViT-S, full, 64 bands" 2 log-mel vit --pretrained weights/vit-s --strategy full
rate "ViT-S, full, 128 bands" 2 fine vit --pretrained weights/vit-s --strategy full
rate "YAMNet, full" 2 yamnet yamnet --pretrained weights/yamnet --strategy full
[ "$failed" = 0 ] && echo "CUDA computes what the CPU computes"
exit "$failed"
