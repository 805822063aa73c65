#!/usr/bin/env bash
# Everything there is to check on a machine with a GPU, in one command: run it in the folder that tools/gpu-pack.sh made
# (docs/gpu-machine.md). No part stops the others; each has a share of the time, and what it leaves goes to those after it.
#
#   tools/gpu-check.sh [--out DIR] [--data DATA] [--minutes N] [--only PART,...] [--device cuda|cuda:N|emulated]
#
#   --out DIR       logs and summary.txt (gpu-check when left out; replaced), and DIR.tar.xz with all of it, below 16 MiB
#   --data DATA     a folder of CIFAR-10's binary files, or whatever ldae's --data takes; synthetic images when left out
#   --minutes N     time for all parts together (10)
#   --only PART,..  just these of: PARTS
#   --device NAME   emulated runs the same parts at toy sizes without a GPU, which tests this script and no more
#
# Exit code 0 when nothing failed, 1 when something did (summary.txt names it), 2 for a wrong option or no pack.
set -uo pipefail

# Name, share of the time, what it does. The GPU's own tests come before what takes long.
parts() {
  cat << 'END'
facts 3 machine, driver and versions
doctor 4 libraries, a product on the device, cold and warm start
gpu-tests 30 the tests that are about a GPU
train 10 a real run: pretrain, probe, reconstruct
profile 3 a trace of twenty steps
precision 10 bf16 follows the loss curve of fp32 within 1 % over 2,000 steps
rerun 4 two runs from one seed, bit for bit
timm 3 timm loads an exported encoder strictly, with the same features
pytorch 14 the rival's ops and steps, on the same GPU
bench 14 every kernel against the machine's limits and PyTorch
memcheck 8 compute-sanitizer's memcheck over the op cases
racecheck 8 compute-sanitizer's racecheck over the op cases
ncu 4 hardware counters of a few kernels
tests 16 all other tests
END
}

script=$(readlink -f "${BASH_SOURCE[0]}")
root=$(dirname "$(dirname "$script")")
[ -d "$root/bin/app" ] && pack=$root/bin || pack=$root/gpu-pack/bin
pack=${LDAE_PACK:-$pack}
dotnet=$pack/dotnet/dotnet app=$pack/app ldae=$pack/app/ldae

# ---- What the parts use. A part writes one line, its result in words, to $note; it returns 0, or 77 when it was skipped.

note() { printf '%s\n' "$*" > "$note"; }
skip() { note "$@"; exit 77; }
toy() { [ "$device" = emulated ]; }
json() { # FILE NAME: a number or word from the last line of a command's --json
  tail -n 1 "$1" 2> /dev/null | grep -oE "\"$2\":(\"[^\"]*\"|[-+0-9.eE]+|null)" | head -n 1 | sed -E 's/^[^:]*://; s/"//g'
}
run_ldae() { # NAME ARGUMENT...: keeps NAME.json; says what went wrong
  local name=$1 status=0
  shift
  "$ldae" "$@" --json > "$out/$name.json" 2> "$out/$name.err" || status=$?
  cat "$out/$name.err" >&2
  [ "$status" = 0 ] || note "ldae $1 exited with $status: $(grep -m 1 '^error:' "$out/$name.err" || tail -n 1 "$out/$name.err")"
  return "$status"
}
pretrain() { # NAME SETTING...: a run in $work/NAME; its small files are kept in $out/NAME
  local name=$1 settings=() setting status=0 preset=${preset:-cifar-small}
  shift
  for setting in "$@"; do settings+=(--set "$setting"); done
  rm -rf "${work:?}/$name"
  # shellcheck disable=SC2086
  run_ldae "$name" pretrain --preset "$preset" --data "$data" --device "$device" --out "$work/$name" "${settings[@]}" ${more:-} || status=$?
  mkdir -p "$out/$name"
  find "$work/$name" -maxdepth 1 -type f -size -8M -exec cp {} "$out/$name/" \; 2> /dev/null
  return "$status"
}
# Settings that make any preset small enough for the emulated device.
tiny="data.imageSize=8 tokenizer.patch=4 tokenizer.dim=6 network.width=16 network.depth=2 network.encoderDepth=1 network.heads=2 train.batch=8 train.checkpointEvery=0 train.knnEvery=0"
run_tests() { # NAME FILTER [WRAPPER...]
  local name=$1 filter=$2 status=0 passed failed skipped
  shift 2
  "$@" "$dotnet" "$app/LDaeCore.Tests.dll" --no-ansi --progress off --filter "$filter" > "$out/$name.tests.txt" 2>&1 || status=$?
  count() { sed -nE "s/^ *$1: *([0-9]+).*/\1/p" "$out/$name.tests.txt" | tail -n 1; }
  passed=$(count succeeded) failed=$(count failed) skipped=$(count skipped)
  if [ -z "$passed" ]; then
    note "the tests died before their summary, exit code $status"
    return 1
  fi
  note "$passed passed, $failed failed, $skipped skipped$(grep -E '^ *failed ' "$out/$name.tests.txt" | head -n 5 | sed -E 's/^ *failed +/; failed: /; s/ +\([0-9hms .]*\)$//' | tr -d '\n')"
  # A filter that finds nothing has shown nothing.
  [ "$status" = 0 ] && [ "$((passed + failed))" -gt 0 ]
}
python_with_torch() {
  local python
  for python in python3 python; do
    command -v "$python" > /dev/null && "$python" -c 'import torch' 2> /dev/null && { echo "$python"; return; }
  done
  return 1
}
find_tool() { # NAME: on the path, or where toolkits put it
  command -v "$1" || ls -1 /usr/local/cuda*/bin/"$1" /opt/nvidia/*/*/"$1" 2> /dev/null | sort | tail -n 1 | grep .
}

# ---- The parts.

part_facts() {
  {
    echo "pack: $(tr '\n' ' ' < "$pack/commit.txt" 2> /dev/null)"
    date -u; uname -srm; ldd --version 2> /dev/null | head -n 1
    grep -m 1 'model name' /proc/cpuinfo; echo "cores: $(nproc)"; grep -E 'MemTotal|MemAvailable' /proc/meminfo
    "$dotnet" --list-runtimes
    for tool in g++ nvcc compute-sanitizer ncu python3; do
      found=$(find_tool "$tool") && echo "$tool: $found: $("$found" --version 2>&1 | grep -E '[0-9]\.[0-9]' | head -n 1)" || echo "$tool: none"
    done
    python3 -c 'import sys, torch; print("torch", torch.__version__, "cuda", torch.version.cuda, "in", sys.prefix)' 2> /dev/null || echo "torch: none"
    if command -v nvidia-smi > /dev/null; then nvidia-smi; nvidia-smi -q -d CLOCK,POWER,MEMORY,COMPUTE; else echo "nvidia-smi: none"; fi
  } 2>&1 | tee "$out/facts.txt"
  local gpu
  gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null | head -n 1)
  note "${gpu:-no nvidia-smi}"
  [ -n "$gpu" ] || toy
}

part_doctor() {
  run_ldae doctor doctor --device "$device" --timings || return 1
  note "$(json "$out/doctor.json" gpu): smoke error $(json "$out/doctor.json" smoke_error), cold start $(json "$out/doctor.json" cold_start) s, warm $(json "$out/doctor.json" warm_start) s"
}

part_gpu-tests() {
  if toy; then run_tests gpu-tests 'FullyQualifiedName~EmulatedBackendTests&Name~silu'; else run_tests gpu-tests 'FullyQualifiedName~Tests.Cuda.Gpu&TestCategory!=Long'; fi
}

part_tests() {
  if toy; then run_tests tests 'FullyQualifiedName~PhiloxTests|FullyQualifiedName~GoldenTests'; else run_tests tests 'FullyQualifiedName!~Tests.Cuda.Gpu&TestCategory!=Long'; fi
}

sanitize() { # TOOL: one process over the op cases; every tensor has an allocation of its own there
  local tool=$1 sanitizer filter='FullyQualifiedName~GpuBackendTests.Results_and_gradients' status=0
  if toy; then
    # The emulated device has sanitizers of its own: g++'s for memory, another order of the threads for races.
    filter='FullyQualifiedName~EmulatedBackendTests.Results_and_gradients_agree&Name~silu'
    local library
    library=$(g++ -print-file-name=libasan.so 2> /dev/null) || skip "no g++"
    if [ "$tool" = racecheck ]; then
      run_tests "$tool" "$filter" env LDAE_EMULATOR_SEED=7
    else
      run_tests "$tool" "$filter" env LDAE_EMULATOR_SANITIZE=address ASAN_OPTIONS=detect_leaks=0:handle_segv=0:use_sigaltstack=0 LD_PRELOAD="$library"
    fi
    return
  fi
  sanitizer=$(find_tool compute-sanitizer) || skip "compute-sanitizer is not installed"
  LDAE_ARENA=guard run_tests "$tool" "$filter" "$sanitizer" --tool "$tool" --error-exitcode 86 --print-limit 200 --log-file "$out/$tool.txt" || status=$?
  if grep -qE 'Device not supported|not supported on (this|the) device|Unable to find injection|initialization failed' "$out/$tool.txt" "$out/$tool.tests.txt"; then
    skip "compute-sanitizer does not work on this machine: $(grep -hm 1 -E 'not supported|Unable to find injection|initialization failed' "$out/$tool.txt" "$out/$tool.tests.txt")"
  fi
  local errors
  errors=$(grep -hE 'ERROR SUMMARY|RACECHECK SUMMARY' "$out/$tool.txt" | tail -n 1 | sed -E 's/^=+ *//')
  note "$(cat "$note"); ${errors:-no summary of $tool}"
  [ "$status" = 0 ] && [[ $errors =~ :\ 0\  ]]
}
part_memcheck() { sanitize memcheck; }
part_racecheck() { sanitize racecheck; }

part_train() {
  local settings="train.minutes=$(awk "BEGIN { print $seconds * 0.4 / 60 }")" images=10000
  if toy; then settings="$tiny train.steps=4"; images=40; fi
  # shellcheck disable=SC2086
  preset=cifar-small pretrain train $settings || return 1
  local said
  said="$(json "$out/train.json" steps) steps, loss $(json "$out/train.json" loss), $(json "$out/train.json" images_per_second) images a second"
  note "$said; the probe did not finish"
  run_ldae probe probe --checkpoint "$work/train" --data "$data" --device "$device" --out "$work/probe" || return 1
  run_ldae reconstruct reconstruct --checkpoint "$work/train" --data "$data" --device "$device" --out "$work/reconstruct" || return 1
  cp -r "$work/reconstruct/pictures" "$out/train/" 2> /dev/null
  note "$said; probe $(json "$out/probe.json" top1) % (random $(json "$out/probe.json" random_top1) %, pixels $(json "$out/probe.json" pixels_top1) %); PSNR $(json "$out/reconstruct.json" psnr_noised) -> $(json "$out/reconstruct.json" psnr_output) dB"
}

part_profile() {
  local settings="train.steps=20"
  if toy; then settings="$tiny train.steps=2"; fi
  # shellcheck disable=SC2086
  preset=cifar-small more=--profile pretrain profile $settings || return 1
  local kernels
  kernels=$(grep -o '"cat":"kernel"' "$out/profile/trace.json" | wc -l)
  note "$kernels kernels in profile/trace.json"
  [ "$kernels" -gt 0 ]
}

part_precision() {
  local settings="network.gateInit=random train.steps=2000 train.batch=64 train.logEvery=10 train.checkpointEvery=0" type worst window=20
  if toy; then settings="$tiny network.gateInit=random train.steps=10 train.logEvery=1"; window=5; fi
  for type in fp32 bf16; do
    # shellcheck disable=SC2086
    preset=cifar-tiny pretrain "$type" $settings train.precision="$type" || return 1
  done
  # The same noise in the same steps: means over a tenth of the run, the largest relative difference of any two.
  worst=$(paste <(losses fp32) <(losses bf16) | awk -v window="$window" '
    { a += $1; b += $2; if (NR % window == 0) { d = (a > b ? a - b : b - a) / a; if (d > worst) worst = d; a = b = 0; n++ } }
    END { if (n < 2) exit 1; printf "%.4f", 100 * worst }') || { note "fewer than two windows of losses"; return 1; }
  note "largest difference of the loss curves $worst % over $(losses fp32 | wc -l) logged steps"
  awk "BEGIN { exit !($worst <= 1) }"
}
losses() { sed -nE 's/.*"loss":([-+0-9.eE]+).*/\1/p' "$out/$1/metrics.jsonl"; }

part_rerun() {
  local settings="network.gateInit=random train.steps=100 train.batch=64 train.checkpointEvery=100" name same=yes
  if toy; then settings="$tiny network.gateInit=random train.steps=3"; fi
  for name in first second; do
    # shellcheck disable=SC2086
    preset=cifar-tiny pretrain "$name" $settings || return 1
  done
  for file in model.safetensors optimizer.safetensors; do
    cmp "$work"/first/checkpoints/step-*/"$file" "$work"/second/checkpoints/step-*/"$file" || same="no: $file differs"
  done
  note "the checkpoints of two runs are the same: $same"
  [ "$same" = yes ]
}

part_bench() {
  local status=0 rival arguments=(--device "$device" --short --out "$out/bench")
  toy && arguments+=(--toy silu)
  for rival in "$out"/pytorch/*.json; do
    [ -s "$rival" ] && arguments+=(--rival "$rival")
  done
  "$dotnet" "$app/LDaeCore.Bench.dll" "${arguments[@]}" > "$out/bench.txt" 2>&1 || status=$?
  local found
  found=$(find "$out/bench" -name '*.json' 2> /dev/null | wc -l)
  note "exit code $status, $found result files"
  [ "$status" = 0 ] && [ "$found" -gt 0 ]
}

part_timm() {
  local python settings="train.steps=50 network.gateInit=random"
  if toy; then settings="$tiny train.steps=2 network.gateInit=random"; fi
  # shellcheck disable=SC2086
  preset=cifar-tiny pretrain exported $settings || return 1
  run_ldae export export --checkpoint "$work/exported" --format timm --out "$work/encoder" || return 1
  python=$(python_with_torch) || skip "no Python with torch"
  "$python" -c 'import timm, safetensors' 2> /dev/null || skip "no timm in $python"
  note "timm did not finish"
  "$python" "$root/tools/check_timm.py" "$work/encoder" > "$out/timm.txt" 2>&1 || { note "$(tail -n 1 "$out/timm.txt")"; return 1; }
  note "$(tail -n 1 "$out/timm.txt")"
}

part_pytorch() {
  local python rival=$root/bench/pytorch/rival.py status=0 arguments=(--device cuda "step vit-b" "step vit-half-l" "step cifar-tiny")
  [ -f "$rival" ] || skip "the pack has no bench/pytorch/rival.py"
  python=$(python_with_torch) || skip "no Python with torch"
  mkdir -p "$out/pytorch"
  if toy; then
    arguments=(--device cpu --toy)
  else
    "$dotnet" "$app/LDaeCore.Bench.dll" list --device "$device" > "$out/pytorch/cases.txt" || { note "bench did not list its cases"; return 1; }
    # Steps first: they are what matters most should the time run out.
    arguments+=(--cases "$out/pytorch/cases.txt")
  fi
  PYTHONUNBUFFERED=1 "$python" "$rival" "${arguments[@]}" --out "$out/pytorch/rival.json" > "$out/pytorch/rival.txt" 2>&1 || status=$?
  note "exit code $status, $(grep -c '"median_s"' "$out/pytorch/rival.json" 2> /dev/null || true) rows"
  [ "$status" = 0 ] && grep -q '"median_s"' "$out/pytorch/rival.json"
}

part_ncu() {
  local ncu
  toy && skip "the emulated device has no hardware counters"
  ncu=$(find_tool ncu) || skip "ncu is not installed"
  rm -rf "$work/ncu"
  # The clocks stay as they are: others may use the GPU.
  "$ncu" --clock-control none --target-processes all --set basic --launch-skip 200 --launch-count 60 --csv --log-file "$out/ncu.csv" \
    "$ldae" pretrain --preset cifar-small --data synthetic:256 --device "$device" --out "$work/ncu" --profile --set train.steps=2 --set train.batch=64 --json > "$out/ncu.txt" 2>&1
  if grep -qE 'ERR_NVGPUCTRPERM|Failed to initialize|LibraryNotLoaded|not supported' "$out/ncu.csv" "$out/ncu.txt"; then
    skip "ncu may not read the counters here: $(grep -hm 1 -E 'ERR_NVGPUCTRPERM|Failed to initialize|LibraryNotLoaded|not supported' "$out/ncu.csv" "$out/ncu.txt")"
  fi
  note "$(grep -c '^"' "$out/ncu.csv") lines of counters in ncu.csv"
  grep -q '^"[0-9]' "$out/ncu.csv"
}

# ---- One part, in a process of its own that can be stopped: the script calls itself.

if [ "${1:-}" = --part ]; then
  name=$2 out=$LDAE_CHECK_OUT device=$LDAE_CHECK_DEVICE data=$LDAE_CHECK_DATA seconds=$LDAE_CHECK_SECONDS
  work=$out/scratch note=$out/$name.note
  mkdir -p "$work"
  "part_$name"
  exit
fi

# ---- The whole.

usage() { sed -nE '2,/^set /s/^# ?//p' "$script" | sed "s/PARTS/$(parts | cut -d' ' -f1 | tr '\n' ' ')/"; }
out=gpu-check data= minutes=10 only= device=cuda
while [ $# -gt 0 ]; do
  case $1 in
    --out | --data | --minutes | --only | --device)
      [ $# -ge 2 ] || { echo "gpu-check.sh: $1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --help | -h) usage; exit 0 ;;
    *) echo "gpu-check.sh: $1 is not an option" >&2; usage >&2; exit 2 ;;
  esac
done
[[ $minutes =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "gpu-check.sh: --minutes $minutes is no number" >&2; exit 2; }
for name in ${only//,/ }; do
  parts | grep -q "^$name " || { echo "gpu-check.sh: there is no part $name; there are: $(parts | cut -d' ' -f1 | tr '\n' ' ')" >&2; exit 2; }
done
if [ ! -x "$ldae" ] || [ ! -x "$dotnet" ]; then
  echo "gpu-check.sh: $pack holds no pack: make one with tools/gpu-pack.sh and run the script in there" >&2
  exit 2
fi
if [ -z "$data" ]; then
  data=synthetic:$([ "$device" = emulated ] && echo 40 || echo 10000)
elif [ -f "$data/data_batch_1.bin" ]; then
  data=cifar10:$(readlink -f "$data")
fi

rm -rf "$out" "$out.tar.xz" "$out.tar.gz"
mkdir -p "$out"
out=$(readlink -f "$out")
export LDAE_CHECK_OUT=$out LDAE_CHECK_DEVICE=$device LDAE_CHECK_DATA=$data
export DOTNET_ROOT=$pack/dotnet DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1 HOME=${HOME:-$out/scratch}
# A cache of its own, so that the cold start is one and nothing of an earlier run is measured.
export LDAE_CACHE=$out/scratch/cache
[ "$device" = emulated ] || export LDAE_REQUIRE=${LDAE_REQUIRE:-cuda}

wanted=$(parts | while read -r name weight what; do case ",${only:-$name}," in *",$name,"*) echo "$name $weight $what" ;; esac; done)
weights=$(awk '{ sum += $2 } END { print sum }' <<< "$wanted")
start=$SECONDS
total=$(awk "BEGIN { print int($minutes * 60) }")
echo "gpu-check: $(wc -l <<< "$wanted") parts in $minutes minutes on $device, logs in $out"
{ echo "device $device, data $data, at most $minutes minutes"; echo; } > "$out/summary.txt"
any_failed=0
while read -r name weight what <&3; do
  left=$((total - (SECONDS - start)))
  limit=$((left * weight / weights))
  weights=$((weights - weight))
  began=$SECONDS status=0
  if [ "$limit" -lt 2 ]; then
    echo "no time was left for it" > "$out/$name.note"
    status=77
  else
    echo "== $name ($what; at most $limit s)"
    LDAE_CHECK_SECONDS=$limit timeout --kill-after=5 "$limit" bash "$script" --part "$name" > "$out/$name.log" 2>&1 < /dev/null || status=$?
  fi
  said=$(cat "$out/$name.note" 2> /dev/null)
  case $status in
    0) word=passed ;;
    77) word=skipped ;;
    124 | 137) word=failed said="stopped after $limit s${said:+; so far: $said}" ;;
    *) word=failed said=${said:-"$(tail -n 1 "$out/$name.log")"} ;;
  esac
  [ "$word" != failed ] || any_failed=1
  printf '%-8s %-10s %4d s  %s\n' "$word" "$name" "$((SECONDS - began))" "$said" | tee -a "$out/summary.txt"
  rm -f "$out/$name.note"
done 3<<< "$wanted"

list() { awk -v word="$1" '$1 == word { printf " %s", $2 }' "$out/summary.txt"; }
{
  echo
  echo "passed: $(list passed)"
  echo "failed: $(list failed)"
  echo "skipped:$(list skipped)"
  echo "$((SECONDS - start)) s in all"
} | sed -E 's/: +/: /; s/: *$/: none/' | tee -a "$out/summary.txt"

# Checkpoints and caches are large and of no use elsewhere; a log that is too large leaves its end.
rm -rf "$out/scratch"
find "$out" -type f -size +24M | while read -r large; do
  tail -c 4M "$large" > "$large.end" && rm "$large"
done
if command -v xz > /dev/null; then archive=$out.tar.xz; compress="xz -T0"; else archive=$out.tar.gz; compress=gzip; fi
tar cf - -C "$(dirname "$out")" "$(basename "$out")" | $compress > "$archive"
while [ "$(stat -c %s "$archive")" -gt $((16 * 1024 * 1024)) ]; do
  largest=$(find "$out" -type f -printf '%s %p\n' | sort -rn | head -n 1 | cut -d' ' -f2-)
  echo "left out of the archive, which may have 16 MiB: ${largest#"$out"/}" | tee -a "$out/summary.txt"
  rm "$largest"
  tar cf - -C "$(dirname "$out")" "$(basename "$out")" | $compress > "$archive"
done
echo "$archive: $(stat -c %s "$archive") bytes"
exit "$any_failed"
