#!/usr/bin/env bash
# `--device cuda`: does it compute what the CPU computes, and how fast is it, beside PyTorch on the same card? In six minutes.
#
#     scripts/check-cuda.sh [--dry-run] BARKBIRD OUT
#
# BARKBIRD: a program built with `--features cuda`. OUT: a folder for all that it makes. Synthetic sounds, tiny random checkpoints,
# and two networks of the real sizes (YAMNet, ViT-S) with random weights.
#
# --dry-run: every line with `--device cpu` in the place of `cuda`, on a program without CUDA and in tiny sizes, so that the script
# works when there is a card. Its figures say nothing.
#
# In the environment: SECTIONS, those that are run, in this order, for a card that is there for a short time only
# (correct,resume,loss,several,memory,predict,speed,peers); PYTHON, one that has PyTorch, for `peers` (python3).
#
# Every section has a time budget: a command that is still running when it is spent is stopped, and its line says so. Lines say `ok`
# or `FAIL`; the end has a table of targets, and fails if a line did. A target that is missed is no failure.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-cuda.sh [--dry-run] BARKBIRD OUT"
card=cuda dry=
if [ "${1:-}" = --dry-run ]; then card=cpu dry=yes; shift; fi
barkbird=$(realpath "${1:?$usage}")
out=${2:?$usage}
mkdir -p "$out"
out=$(realpath "$out")
[ -x "$barkbird" ] || die "$barkbird: no such program"
tiny=$root/fixtures/checkpoints
python=${PYTHON:-python3}
sections=${SECTIONS:-correct,resume,loss,several,memory,predict,speed,peers}
cd "$out"
rm -f results.tsv sections.tsv
touch results.tsv sections.tsv
failed=0 deadline=$((SECONDS + 60))

# sized ON_THE_CARD IN_A_DRY_RUN: one of the two.
sized() { if [ -n "$dry" ]; then echo "$2"; else echo "$1"; fi; }

# Clips; processes at once where no time is measured; threads of each.
clips=$(sized 160 48) at_once=$(sized 4 2)
threads=$(($(nproc) / at_once)); [ "$threads" -gt 0 ] || threads=1

# left: seconds that the section has.
left() { local seconds=$((deadline - SECONDS)); if [ "$seconds" -gt 1 ]; then echo "$seconds"; else echo 1; fi; }

# bark COMMAND...: the program, stopped where the section's time is over.
bark() { timeout --kill-after 5 "$(left)" "$barkbird" "$@"; }

compare() { python3 "$root/scripts/check-cuda.py" "$@"; }

# said WHAT STATUS [LOG]: one line, and what the log ends with where it failed.
said() {
  if [ "$2" = 0 ]; then echo "ok    $1"; return; fi
  if [ "$2" = 124 ]; then echo "FAIL  $1: the section's time is over"; else echo "FAIL  $1"; fi
  [ -z "${3:-}" ] || tail -n 6 "$3" | sed 's/^/      /'
}

# device NAME: where what is called `cpu` or `cuda` is computed.
device() { if [ "$1" = cuda ]; then echo "$card"; else echo cpu; fi; }

# both NAME COMMAND...: the command on either device at the same time, each %D in it the device's name.
both() {
  local name=$1 on status=0 ended; shift
  local -A process=()
  for on in cpu cuda; do
    bark "${@//%D/$on}" --device "$(device $on)" --threads "$threads" --quiet >"$name-$on.log" 2>&1 &
    process[$on]=$!
  done
  for on in cpu cuda; do
    ended=0; wait "${process[$on]}" || ended=$?
    [ $ended = 0 ] || { status=1; said "$name on $on" $ended "$name-$on.log"; }
  done
  return $status
}

# against NAME LOG COMPARISON...: what it says in its last line.
against() {
  local name=$1 log=$2 status=0; shift 2
  compare "$@" >"$log.compared" 2>&1 || status=$?
  said "$name: $(tail -n 1 "$log.compared")" $status
}

# asked RUN FEATURES: one model file on both devices.
asked() {
  both "$1-embed" embed "$1" --features "$2" --out "$1-embed-%D" || return 0
  against "$1: logits of one model file" "$1-embed" embeddings "$1-embed-cpu" "$1-embed-cuda"
}

# trained NAME EPOCHS FEATURES FLAGS...: trained on either device with the same seed; what CUDA made is asked on both.
trained() {
  local name=$1 epochs=$2 features=$3 status=0; shift 3
  both "$name" train "$@" --features "$features" --out "$name-%D" --seed 3 --epochs "$epochs" || return 0
  against "$name: training" "$name" runs "$name-cpu" "$name-cuda"
  bark train "$@" --features "$features" --out "$name-start" --seed 3 --epochs 1 --lr 1e-30 --device cpu --threads "$threads" \
    >"$name-start.log" 2>&1 || { status=$?; said "$name, learning nothing" $status "$name-start.log"; return 0; }
  against "$name: gradients" "$name-start" moved "$name-start" "$name-cpu" "$name-cuda"
  asked "$name-cuda" "$features"
}

# learned: a training that is long enough to have learned, and all that a model is asked afterwards.
learned() {
  both cnn train cnn --features ../log-mel --out cnn-%D --seed 3 --epochs "$(sized 6 2)" --set train.repeat=4 --precision f32 || return 0
  against "cnn: training" cnn runs cnn-cpu cnn-cuda "$(sized 0.7 0)"
  asked cnn-cuda ../log-mel
  both evaluate evaluate cnn-cuda --features ../log-mel --split test --out cnn-test-%D &&
    against "cnn: evaluate" evaluate metrics cnn-test-cpu cnn-test-cuda
  predicted cnn-cuda
}

# predicted MODEL: its verdicts on both devices.
predicted() {
  both "predict-$1" predict "$1" ../manifest.csv --format json --out "$1-%D.json" || return 0
  against "$1: predict" "predict-$1" verdicts "$1-cpu.json" "$1-cuda.json"
}

# Too many weights to compare here one by one, or none.
large() {
  both vit-s train vit --pretrained ../weights/vit-s --strategy full --precision f32 --features ../log-mel --out vit-s-%D --epochs 1 &&
    against "vit-s: training" vit-s runs vit-s-cpu vit-s-cuda && asked vit-s-cuda ../log-mel
}
neighbors() {
  both neighbors train vit --pretrained "$tiny/vit" --strategy probe --head neighbors --precision f32 --features ../log-mel \
    --out neighbors-%D && asked neighbors-cuda ../log-mel
}

refused() {
  local status=0
  if bark predict none none --device cuda:99 >refused.log 2>&1; then said "cuda:99 is refused" 1; return 0; fi
  grep -q 'cuda:99' refused.log || status=$?
  said "cuda:99 is refused: $(head -n 1 refused.log)" $status
}

# pooled CASE...: functions with their arguments, several at once; what each says comes in this order.
pooled() {
  local nth=0 running=0 one
  for one in "$@"; do
    nth=$((nth + 1))
    # What is between two cases is split at spaces.
    # shellcheck disable=SC2086
    (set +e; $one) >"case-$nth.said" 2>&1 &
    running=$((running + 1))
    if [ $running -ge "$at_once" ]; then wait -n || true; running=$((running - 1)); fi
  done
  wait
  for one in $(seq $nth); do cat "case-$one.said"; done
}

correct() {
  local f32="--precision f32" strategy cases
  cases=(refused learned large
    "trained cnn-short 2 ../log-mel cnn $f32"
    "trained cnn-more 2 ../log-mel cnn $f32 --augment strong --set train.average=0.9 --set train.micro_batch=12
      --set cnn.downsample=average-pool --set cnn.residual=true --set cnn.dropout=0.2"
    "trained cnn-stride 2 ../log-mel cnn $f32 --set cnn.downsample=stride --set train.augment.mixup_alpha=0.4")
  for strategy in probe last full; do
    cases+=("trained yamnet-$strategy 1 ../yamnet yamnet $f32 --pretrained ../weights/yamnet --strategy $strategy")
  done
  for strategy in probe last lora full; do
    cases+=("trained vit-$strategy 3 ../log-mel vit $f32 --pretrained $tiny/dinov2 --strategy $strategy --last 1")
  done
  cases+=("trained vit-more 2 ../log-mel vit $f32 --pretrained $tiny/vit --strategy full --augment strong --set train.average=0.9
      --set train.micro_batch=12 --set vit.patchout=[1,1] --set vit.stochastic_depth=0.3"
    "trained vit-image 2 ../log-mel vit $f32 --pretrained $tiny/deit --strategy last --last 1 --set vit.view=as-image"
    "trained vit-ast 1 ../ast vit $f32 --pretrained $tiny/ast --strategy full"
    neighbors)
  pooled "${cases[@]}"
  pooled "predicted vit-full-cuda" "predicted yamnet-full-cuda"
}

# killed NAME FEATURES FLAGS...: eight epochs on CUDA, the same killed after two, and gone on with on both devices.
killed() {
  local name=$1 features=$2 on process run status=0; shift 2
  local command=(train "$@" --features "$features" --epochs 8 --quiet --threads "$threads")
  bark "${command[@]}" --device "$card" --out "$name-whole" >"$name.log" 2>&1 || { said "$name, unbroken" $? "$name.log"; return 0; }
  "$barkbird" "${command[@]}" --device "$card" --out "$name-broken" >"$name.log" 2>&1 &
  process=$!
  until [ "$(wc -l 2>/dev/null <"$name-broken/metrics.jsonl" || echo 0)" -ge 2 ]; do
    kill -0 $process 2>/dev/null || break
    [ $SECONDS -lt "$deadline" ] || break
    sleep 0.02
  done
  kill -KILL $process 2>/dev/null
  wait $process 2>/dev/null
  [ ! -e "$name-broken/model.safetensors" ] || said "$name: it was over before it was killed" 1
  for on in cuda cpu; do
    run=$name-on-$on status=0
    cp -r "$name-broken" "$run"
    bark "${command[@]}" --device "$(device $on)" --out "$run" --resume >"$run.log" 2>&1 || status=$?
    [ $status = 0 ] || { said "$name, --resume on $on" $status "$run.log"; continue; }
    against "$name: killed on CUDA, gone on with on $on" "$run" runs "$name-whole" "$run"
  done
}

resume() {
  # A rate that rises beyond all measure: the best epoch is one before the kill.
  pooled "killed cnn ../log-mel cnn --set train.average=0.9 --set train.repeat=$(sized 8 1)" \
    "killed lora ../log-mel vit --pretrained $tiny/dinov2 --strategy lora --precision f32 --lr 0.1 --seed 0 --set train.warmup_share=1"
}

# rounded NAME PASSES FEATURES FLAGS...: ten epochs in f32 and in bf16, on CUDA, each so many times over the clips, and how far their
# losses are apart.
rounded() {
  local name=$1 passes=$2 features=$3 precision status command; shift 3
  command=(train "$@" --features "$features" --seed 3 --epochs "$(sized 10 2)" --set "train.repeat=$(sized "$passes" 1)"
    --device "$card" --threads "$threads" --quiet)
  for precision in f32 bf16; do
    status=0
    bark "${command[@]}" --out "$name-$precision" --precision "$precision" >"$name-$precision.log" 2>&1 || status=$?
    if [ $status != 0 ] && [ -n "$dry" ] && grep -q 'precision' "$name-$precision.log"; then
      echo "      $name: $(tail -n 1 "$name-$precision.log"): f32 in its place"
      status=0
      bark "${command[@]}" --out "$name-$precision" --precision f32 >"$name-$precision.log" 2>&1 || status=$?
    fi
    [ $status = 0 ] || { said "$name in $precision" $status "$name-$precision.log"; return 0; }
  done
  against "$name: losses in bf16 beside f32" "$name" losses "$name" "$name-f32" "$name-bf16"
}

loss() {
  pooled "rounded vit-s-lora 4 ../log-mel vit --pretrained ../weights/vit-s --strategy lora" \
    "rounded vit-s-full 4 ../log-mel vit --pretrained ../weights/vit-s --strategy full" \
    "rounded yamnet-full 2 ../yamnet yamnet --pretrained ../weights/yamnet --strategy full" \
    "rounded cnn-base 4 ../fine cnn --preset base" "rounded cnn-small 8 ../fine cnn"
}

# quick RUN FEATURES FLAGS...: a model that has seen the clips once.
quick() {
  local run=$1 features=$2; shift 2
  [ -f "$run/model.safetensors" ] || bark train "$@" --features "$features" --out "$run" --epochs 1 --device "$card" --quiet >"$run.log" 2>&1
}

# Two processes on the same card share the recordings, and the trainings of a learning curve.
several() {
  local one=$card two="$(sized cuda:0,0 cpu,cpu)" status=0
  quick model ../log-mel cnn || { said "a model" $? model.log; return 0; }
  bark predict model ../sounds --out one.csv --device "$one" --quiet >one.log 2>&1 || status=$?
  [ $status = 0 ] && { bark predict model ../sounds --out two.csv --device "$two" --quiet >two.log 2>&1 || status=$?; }
  [ $status = 0 ] && { cmp one.csv two.csv >two.log 2>&1 || status=$?; }
  said "predict --device $two: the bytes of $one" $status two.log
  status=0
  for devices in "$one" "$two"; do
    [ $status != 0 ] || bark compare --sizes 8,16 --models cnn --seeds 2 --manifest ../manifest.csv --out "sizes-${devices//[:,]/-}" \
      --device "$devices" --set train.epochs=2 --quiet >sizes.log 2>&1 || status=$?
  done
  [ $status = 0 ] && { compare sizes "sizes-${one//[:,]/-}" "sizes-${two//[:,]/-}" >sizes.log 2>&1 || status=$?; }
  said "compare --sizes --device $two: the figures of $one" $status sizes.log
}

# MiB in use: on the card; in a dry run, of the process.
in_use() {
  if [ -n "$dry" ]; then echo $(($(ps -o rss= -p "$1" || echo 0) / 1024)); return; fi
  nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | head -n 1
}

# steady NAME EPOCHS FEATURES FLAGS...: memory while it trains, after a third of the epochs and near the end.
steady() {
  local name=$1 epochs=$2 features=$3 early=0 used=0 now status=0 process; shift 3
  "$barkbird" train "$@" --features "$features" --out "$name" --epochs "$epochs" --device "$card" >"$name.log" 2>&1 &
  process=$!
  while kill -0 $process 2>/dev/null; do
    [ $SECONDS -lt "$deadline" ] || kill -TERM $process
    now=$(in_use $process 2>/dev/null || echo 0)
    case $(wc -l 2>/dev/null <"$name/metrics.jsonl" || echo 0) in
      "$((epochs / 3))") early=$now ;;
      "$((epochs - 1))") used=$now ;;
    esac
    sleep 0.05
  done
  wait $process || status=$?
  [ $status = 0 ] || { said "$name" $status "$name.log"; return 0; }
  # In a dry run it is that of the process, which an allocator takes and gives back by tens of MiB.
  local most=$((early + early / 10 + $(sized 0 64)))
  [ "$early" -gt 0 ] && [ "$used" -gt 0 ] && [ "$used" -le $most ] || status=1
  printf 'memory\t%s\t%s\n' "$name" $status >>../results.tsv
  said "memory, $name: after a third of the epochs $early MiB, in the last $used MiB (at most $most)" $status
}

memory() {
  steady vit-s-lora "$(sized 12 6)" ../log-mel vit --pretrained ../weights/vit-s --strategy lora --set train.average=0.9 \
    --set train.repeat="$(sized 8 2)"
  steady cnn "$(sized 12 6)" ../log-mel cnn --set train.average=0.9 --set train.repeat="$(sized 32 16)"
}

# classified KEY WHAT INPUT: on either device, with the times real time of both.
classified() {
  local key=$1 what=$2 on status; shift 2
  for on in cuda cpu; do
    status=0
    bark predict model "$@" --out "$key-$on.csv" --overwrite --device "$(device $on)" --progress json >"$key-$on.log" 2>&1 || status=$?
    [ $status = 0 ] || { said "$what on $on" $status "$key-$on.log"; return 0; }
  done
  against "$what" "$key" classified "$key" "$key-cuda.log" "$key-cpu.log"
}

predict() {
  quick model ../log-mel cnn || { said "a model" $? model.log; return 0; }
  compare night night.wav "$(sized 24 0.2)"
  classified night "a recording of $(sized 24 0.2) h" night.wav
  rm -f night.wav
  bark synth --out many --clips "$(sized 2000 100)" --seed 2 --quiet
  classified many "$(sized 2000 100) short recordings" many
}

# rate KEY NAME CLIPS BATCH FEATURES FLAGS...: training clips a second in f32 and auto. CLIPS: those of an epoch, about, so many that
# it is long beside its end. A training is stopped after three epochs, or after two when it has had its time.
rate() {
  local key=$1 name=$2 n=$3 batch=$4 features=$5 case run process end lines; shift 5
  [ $SECONDS -lt "$deadline" ] || { said "$name" 124; return 0; }
  local turns=$(($(sized "$n" 1) * 10 / (clips * 7) + 1))
  for case in f32:$batch auto:$batch auto:usual; do
    run=$key-${case/:/-}
    local size=(--batch-size "$(sized "$batch" 8)")
    [ "${case#*:}" != usual ] || size=()
    "$barkbird" train "$@" "${size[@]}" --precision "${case%:*}" --features "$features" --out "$run" --device "$card" --epochs "$(sized 60 2)" \
      --val-split none --set train.train_eval_clips=16 --set train.repeat=$turns >"$run.log" 2>&1 &
    process=$! end=$((SECONDS + 4))
    while kill -0 $process 2>/dev/null; do
      lines=$(wc -l 2>/dev/null <"$run/metrics.jsonl" || echo 0)
      [ -n "$dry" ] || [ "$lines" -lt 3 ] || break
      [ -n "$dry" ] || [ $SECONDS -lt $end ] || [ "$lines" -lt 2 ] || break
      [ $SECONDS -lt "$deadline" ] || break
      sleep 0.05
    done
    kill -TERM $process 2>/dev/null || true
    wait $process || true
  done
  compare rate "$key" "$name" "$turns" "$key-f32-$batch" "$key-auto-$batch" "$key-auto-usual" ../results.tsv || said "$name" 1 "$key-f32-$batch.log"
}

speed() {
  local vit=(vit --pretrained ../weights/vit-s)
  echo "| training clips a second | f32 | auto | auto, usual batch |"
  echo "| --- | --- | --- | --- |"
  rate vit_64_lora "ViT-S, LoRA, 64 bands" 1500 256 ../log-mel "${vit[@]}" --strategy lora
  rate vit_64 "ViT-S, full, 64 bands" 1500 256 ../log-mel "${vit[@]}" --strategy full
  rate vit_224 "ViT-S, full, 224 x 224" 300 64 ../log-mel "${vit[@]}" --strategy full --set vit.view=as-image
  rate vit_224_lora "ViT-S, LoRA, 224 x 224" 300 64 ../log-mel "${vit[@]}" --strategy lora --set vit.view=as-image
  rate cnn "CNN, small, 128 bands" 8000 256 ../fine cnn
  rate cnn_base "CNN, base, 128 bands" 2000 256 ../fine cnn --preset base
  rate yamnet "YAMNet, full" 750 256 ../yamnet yamnet --pretrained ../weights/yamnet --strategy full
}

# PyTorch: its usual fastest settings for each network, and compiled ones, that of a target first.
eager=(vit_224:bf16@64 vit_224_lora:bf16@64 vit_64:bf16@256 vit_64_lora:bf16@256 cnn:bf16+channels_last@256
  cnn_base:bf16+channels_last@256 yamnet:bf16+channels_last@256)
compiled=(vit_224:bf16+compile@64)
[ -n "$dry" ] || compiled+=(cnn:bf16+channels_last+compile@256 vit_64:bf16+compile@256 vit_64_lora:bf16+compile@256
  cnn_base:bf16+channels_last+compile@256 yamnet:bf16+channels_last+compile@256 vit_224_lora:bf16+compile@64)

# networks CASE... FLAGS...: what was compiled before is found again.
networks() {
  TORCHINDUCTOR_CACHE_DIR=$out/inductor TORCHINDUCTOR_FX_GRAPH_CACHE=1 TORCHINDUCTOR_AUTOGRAD_CACHE=1 \
    "$python" "$root/scripts/peers/networks.py" "$@" --threads "$(nproc)" --device "$card" $(sized "" --tiny)
}

peers() {
  local status=0
  "$python" -c 'import torch' 2>/dev/null || { said "$python: PyTorch is not there (PYTHON names another)" 1; return 0; }
  networks "${eager[@]}" "${compiled[@]}" --runs "$(sized 3 1)" --budget "$(($(left) * 2 / 3))" >peers.log 2>peers.err || status=$?
  said "PyTorch: $(wc -l <peers.log) cases" $status peers.err
  grep 'left out' peers.err | sed 's/^/      /' || true
  compare peers peers.log ../results.tsv
}

# PyTorch compiles while nothing is measured that could be disturbed by it.
warming=
warm() {
  case ",$sections," in *,peers,*) ;; *) return 0 ;; esac
  (networks "${compiled[@]}" --runs 1 --budget 90 >warm.log 2>&1) &
  warming=$!
}
cool() {
  [ -n "$warming" ] || return 0
  local began=$SECONDS
  wait "$warming" || true
  printf 'compile\t%s\t5\n' $((SECONDS - began)) >>sections.tsv
  warming=
}

# section NAME BUDGET: in a folder of its own, with so many seconds.
section() {
  local name=$1 began
  case ",$sections," in *",$name,"*) ;; *) return 0 ;; esac
  echo
  case $name in correct | resume | loss | several) ;; *) cool ;; esac
  began=$SECONDS deadline=$((SECONDS + $(sized "$2" 900)))
  echo "== $name (at most $2 s)"
  rm -rf "$name"
  mkdir "$name"
  local status
  set +e
  (set -e; cd "$name"; "$name") 2>&1 | tee "$name.said"
  status=${PIPESTATUS[0]}
  set -e
  [ "$status" = 0 ] || said "$name: a command in it has failed" "$status" | tee -a "$name.said"
  ! grep -q '^FAIL' "$name.said" || failed=1
  printf '%s\t%s\t%s\n' "$name" $((SECONDS - began)) "$2" >>sections.tsv
}

if [ -n "$dry" ]; then echo "a dry run: no card, tiny sizes, and no figure counts"
else nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || die "nvidia-smi: no GPU"; fi
echo "$(nproc) processors:$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
began=$SECONDS
if [ ! -d weights ]; then
  rm -rf sounds log-mel yamnet ast fine
  "$barkbird" synth --out sounds --clips "$clips" --quiet
  "$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet 2>scan.log
  for kind in log-mel yamnet ast; do
    "$barkbird" features manifest.csv --out "$kind" --front-end "$kind" --quiet &
  done
  "$barkbird" features manifest.csv --out fine --quiet --set front_end.kind.mel.n_mels=128 --set front_end.hop=512
  wait
  python3 "$root/scripts/check-cuda-weights.py" weights.part $(sized "" --few-layers)
  mv weights.part weights
fi
printf 'data\t%s\t15\n' $((SECONDS - began)) >>sections.tsv
warm
section correct 70
section resume 15
section loss 40
section several 15
section memory 20
section predict 35
section speed 80
section peers 60
echo
compare targets results.tsv sections.tsv $(sized "" --dry-run)
[ "$failed" = 0 ] && [ -z "$dry" ] && echo "CUDA computes what the CPU computes"
[ "$failed" = 0 ] && [ -n "$dry" ] && echo "every line works"
exit "$failed"
