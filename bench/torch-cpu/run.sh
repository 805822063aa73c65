#!/usr/bin/env bash
# The CPU's rival: libtorch by TorchSharp. Builds it, makes it load on an older C++ library, runs it; prints one JSON object.
#   bench/torch-cpu/run.sh [--threads N] [--seconds S] [--no-time] [--no-ema] [--cases FILE] [NAME...]
# NAME is "step cifar-tiny", "step natural64", or an op case as `bench list` prints them; without any, both steps and MKL's products.
# Needs the .NET SDK, python3 and gcc (only where libstdc++ is older than GCC 13's), and the package registry at first use.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$here/bin/Release/net10.0/linux-x64
version=GLIBCXX_3.4.32

# The package set holds libraries for three systems; those of the others are not copied.
dotnet build "$here/LDaeCore.TorchRival.csproj" -c Release --nologo -v quiet -m:1 >&2

shim=$(find "$out" -name libLibTorchSharp.so | head -n 1)
[ -n "$shim" ] || { echo "run.sh: libLibTorchSharp.so is not below $out" >&2; exit 1; }
system=$(ldconfig -p | sed -nE 's/.*libstdc\+\+\.so\.6 .*x86-64.*=> (.*)/\1/p' | head -n 1)
if ! grep -qa "$version" "${system:-/nonexistent}"; then
  # The shim was linked by GCC 13. What it needs of that version is one initialiser, whose older form runs by itself.
  python3 "$here/weaken.py" "$shim" "$version"
  stub=$out/ios-init-stub.so
  [ -f "$stub" ] || echo 'void _ZSt21ios_base_library_initv(void) {}' | gcc -shared -fPIC -x c - -o "$stub"
  export LD_PRELOAD=$stub${LD_PRELOAD:+:$LD_PRELOAD}
fi

default=()
named=0
for ((i = 1; i <= $#; i++)); do
  case ${!i} in
    --threads | --seconds | --dim | --batch) i=$((i + 1)) ;;
    --cases) named=1; i=$((i + 1)) ;;
    --*) ;;
    *) named=1 ;;
  esac
done
if [ "$named" = 0 ]; then
  for n in 512 1024 2048; do default+=("linear ${n}x${n}x${n} no bias"); done
  default+=("step cifar-tiny" "step natural64")
fi
exec dotnet "$out/torch-rival.dll" "${default[@]}" "$@"
