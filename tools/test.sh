#!/usr/bin/env bash
# The whole test suite: restores, builds, tests; prints each part's seconds and closes with the counts.
#   --long   also the tests of category Long (LDAE_LONG=1)
# Needs the .NET SDK that global.json names, nothing else. With g++ the CUDA backend is tested on the emulator; on a Debian machine
# NVRTC is fetched into the cache for the compiler gate, and root installs Chromium to look at the pages and Open MPI to train by several processes. LDAE_REQUIRE=nvrtc,emulator,cuda,mpi,chromium turns the skips of what is missing into failures.
set -euo pipefail
cd "$(dirname "$0")/.."

long=${LDAE_LONG:-0}
for argument in "$@"; do
  case $argument in
    --long) long=1 ;;
    *) echo "test.sh: $argument is not an option; it takes --long" >&2; exit 2 ;;
  esac
done
export LDAE_LONG=$long
filter=()
[ "$long" = 1 ] || filter=(--filter 'TestCategory!=Long')

log=$(mktemp)
trap 'rm -f "$log"' EXIT
part() { # NAME COMMAND...: runs it and prints its seconds
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  echo "$name: $((SECONDS - start)) s"
  return "$status"
}
build() { dotnet build LDaeCore.sln -c Release --nologo -v quiet; }
tests() { dotnet tests/bin/Release/net10.0/LDaeCore.Tests.dll --progress off --no-ansi "${filter[@]}" | tee "$log"; }
count() { sed -nE "s/^ *$1: *([0-9]+).*/\1/p" "$log" | tail -n 1; }

# Pages are looked at in Chromium, processes are started by mpirun; where one cannot be had, its tests are skipped by name.
wanted() { # COMMAND PACKAGE: installs what is missing
  ! command -v "$1" > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return 0
  { timeout 60 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 180 apt-get install --yes --no-install-recommends "$2"; } > /dev/null 2>&1 || true
}

part "chromium" wanted chromium chromium
part "mpi" wanted mpirun openmpi-bin
part "restore and build" build
# Without NVRTC the gate's tests are skipped by name, or fail under LDAE_REQUIRE=nvrtc.
[ -n "${LDAE_NVRTC:-}" ] || LDAE_NVRTC=$(tools/fetch-nvrtc.sh) || LDAE_NVRTC=
export LDAE_NVRTC
status=0
part "tests" tests || status=$?
passed=$(count succeeded) failed=$(count failed) skipped=$(count skipped)
# A runner that died before its summary has passed nothing.
[ -n "$passed" ] || { passed=0; failed=${failed:-0}; skipped=${skipped:-0}; [ "$status" != 0 ] || status=1; }
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
