#!/usr/bin/env bash
# Steps through a kernel in gdb, without a GPU: runs the op cases of the tests on the emulated device and stops where the
# kernel's first thread enters it.
#
#   tools/debug-kernel.sh layernorm_forward              the first op case that launches it
#   tools/debug-kernel.sh attention_forward Attention    only tests whose names contain the word
#   tools/debug-kernel.sh layernorm_forward Norm -batch -ex next -ex 'info locals'    more options for gdb
#
# One OS thread runs all threads of a block in turn; `next` over a barrier comes back when this thread goes on. In gdb,
# `me` prints which thread of which block this is, and `only N` stops from then on in thread N of its block alone.
# Needs gdb, g++ and the tests built in Release. Kernels are compiled with -Og here and kept apart from the others.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
entry=$1 word=${2:-}
shift; [ $# -eq 0 ] || shift
command -v gdb >/dev/null || { echo "debug-kernel.sh needs gdb: apt-get install gdb" >&2; exit 4; }
grep -qE "__global__ .*\b$entry\(" "$root"/kernels/*.cu || {
  echo "debug-kernel.sh: no kernel is called $entry. There are:" >&2
  sed -nE 's/.*__global__ void (__launch_bounds__\([^)]*\) )?([a-z0-9_]+)\(.*/  \2/p' "$root"/kernels/*.cu >&2
  exit 2
}
# Kernels that no op case launches have tests of their own.
case $entry in
  crop_images|covariance_add|latent_noise_from_images|elementwise_fill|elementwise_copy|elementwise_from_float|elementwise_to_float) class=DataKernelTests ;;
  *) class=EmulatedBackendTests ;;
esac
tests=$root/tests/bin/Release/net10.0/LDaeCore.Tests.dll
[ -f "$tests" ] || { echo "debug-kernel.sh: build the tests first: dotnet build LDaeCore.sln -c Release" >&2; exit 2; }

commands=$(mktemp)
trap 'rm -f "$commands"' EXIT
cat > "$commands" <<END
set pagination off
set confirm off
set breakpoint pending on
set print thread-events off
# .NET's own signals are its own business, SIGSEGV among them (null references).
handle SIGSEGV SIGUSR1 SIGUSR2 SIG32 SIG33 SIG34 SIG35 SIG36 SIGCHLD nostop noprint pass
set debuginfod enabled off
set environment LDAE_EMULATOR_THREADS=1
set environment LDAE_EMULATOR_CXXFLAGS=-Og
directory $root:$root/kernels
define me
  printf "block (%u, %u, %u), thread (%u, %u, %u), lane %d\n", ((ldae_emulator::Thread*)\$r15)->block->index.x, ((ldae_emulator::Thread*)\$r15)->block->index.y, ((ldae_emulator::Thread*)\$r15)->block->index.z, ((ldae_emulator::Thread*)\$r15)->index.x, ((ldae_emulator::Thread*)\$r15)->index.y, ((ldae_emulator::Thread*)\$r15)->index.z, ((ldae_emulator::Thread*)\$r15)->lane
end
define only
  condition 1 ((ldae_emulator::Thread*)\$r15)->index.x == \$arg0
end
break $entry
run
END
gdb -q -x "$commands" "$@" --args dotnet "$tests" --no-ansi --progress off \
  --filter "FullyQualifiedName~$class${word:+&FullyQualifiedName~$word}"
