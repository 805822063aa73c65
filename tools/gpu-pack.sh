#!/usr/bin/env bash
# Packs everything that a machine with a GPU, and neither .NET SDK nor network, needs to run this repository's checks:
# the native ldae, tests and bench with a .NET runtime of their own, and the sources, which some tests read. docs/gpu-machine.md
# says how to use it.
#   tools/gpu-pack.sh            makes gpu-pack/ and gpu-pack.tar.xz in the repository's root; both are git-ignored
#   tools/gpu-pack.sh --built    packs what was built and published before, without building (quicker while editing scripts)
# Fails when the archive is larger than 40 MiB.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD out=gpu-pack archive=gpu-pack.tar.xz native=artifacts/gpu-pack-native most=$((40 * 1024 * 1024))

build=1
for argument in "$@"; do
  case $argument in
    --built) build=0 ;;
    *) echo "gpu-pack.sh: $argument is not an option; it takes --built" >&2; exit 2 ;;
  esac
done

if [ "$build" = 1 ]; then
  dotnet build LDaeCore.sln -c Release --nologo -v quiet -m:1
  dotnet publish tools/ldae -c Release -r linux-x64 --nologo -v quiet -o "$native" -p:CppCompilerAndLinker=gcc
fi
for needed in tests/bin/Release/net10.0/LDaeCore.Tests.dll bench/bin/Release/net10.0/LDaeCore.Bench.dll "$native/ldae"; do
  [ -f "$needed" ] || { echo "gpu-pack.sh: $needed is missing: run it without --built" >&2; exit 1; }
done

rm -rf "$out" "$archive"
mkdir -p "$out/bin/app"

# The sources: what git tracks and what it would, so that binaries and sources in the pack are of one state.
git ls-files -z --cached --others --exclude-standard | xargs -0 -r ls -d 2> /dev/null | tar cf - -T - | tar xf - -C "$out"
git rev-parse HEAD > "$out/bin/commit.txt" 2> /dev/null || echo unknown > "$out/bin/commit.txt"
git diff --quiet HEAD 2> /dev/null || echo "with uncommitted changes" >> "$out/bin/commit.txt"

# Tests and bench share one folder, so that a library both use is there once; files of one name must be the same file. ONNX Runtime's
# native library (29 MB) stays behind: what it checks has nothing to do with a GPU, and those tests are skipped without it.
add_app() { # BUILD_OUTPUT
  local file to
  (cd "$1" && find . -type f ! -name '*.pdb' ! -name '*.xml' ! -path './runtimes/*' ! -path './runs/*' ! -name 'libonnxruntime*' ! -path './amd64/*' ! -path './arm64/*' ! -path './x86/*' -print
    for kept in unix linux linux-x64; do [ ! -d "runtimes/$kept" ] || find "./runtimes/$kept" -type f ! -name 'libonnxruntime*'; done) |
  while read -r file; do
    to=$out/bin/app/$file
    if [ ! -e "$to" ]; then
      mkdir -p "$(dirname "$to")"
      cp -p "$1/$file" "$to"
    elif ! cmp -s "$1/$file" "$to"; then
      echo "gpu-pack.sh: $file of $1 differs from that of the tests: they cannot share a folder" >&2
      exit 1
    fi
  done
}
add_app tests/bin/Release/net10.0
add_app bench/bin/Release/net10.0
# BenchmarkDotNet brings disassemblers and readers of .NET's own traces; what runs in its process uses none of them.
rm -f "$out"/bin/app/{Gee.External.Capstone,Iced}.dll "$out"/bin/app/Microsoft.Diagnostics.*.dll
find "$out/bin/app/runtimes" -name 'libcapstone*' -delete
# The hosts that start an installed runtime are of no use here: everything is started by the pack's own.
rm -f "$out"/bin/app/LDaeCore.Tests "$out"/bin/app/LDaeCore.Bench "$out"/bin/app/ldae

# The native program beside the managed one; its native libraries are those of the managed one.
cp -p "$native/ldae" "$out/bin/app/ldae"
for library in "$native"/*.so; do
  name=$(basename "$library")
  if [ -f "$out/bin/app/runtimes/linux-x64/native/$name" ]; then
    ln -s "runtimes/linux-x64/native/$name" "$out/bin/app/$name"
  else
    cp -p "$library" "$out/bin/app/$name"
  fi
done

# The runtime, without what only debuggers of .NET itself, other collectors and Visual Basic use; its host does not miss them.
sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")
version=$(sed -nE 's/.*"version": "([0-9.]+)".*/\1/p' "$out/bin/app/LDaeCore.Tests.runtimeconfig.json" | tail -n 1)
runtime=$(find "$sdk/shared/Microsoft.NETCore.App" -maxdepth 1 -name "${version%.*}.*" | sort -V | tail -n 1)
[ -n "$runtime" ] || { echo "gpu-pack.sh: no runtime ${version%.*} in $sdk" >&2; exit 1; }
version=$(basename "$runtime")
mkdir -p "$out/bin/dotnet/host/fxr" "$out/bin/dotnet/shared/Microsoft.NETCore.App"
cp -p "$sdk/dotnet" "$out/bin/dotnet/dotnet"
cp -rp "$sdk/host/fxr/$version" "$out/bin/dotnet/host/fxr/$version"
cp -rp "$runtime" "$out/bin/dotnet/shared/Microsoft.NETCore.App/$version"
for unused in libmscordaccore.so libmscordbi.so libcoreclrtraceptprovider.so createdump libclrgc.so libclrgcexp.so Microsoft.VisualBasic.Core.dll Microsoft.VisualBasic.dll; do
  rm -f "$out/bin/dotnet/shared/Microsoft.NETCore.App/$version/$unused"
done
[ -f "$sdk/LICENSE.txt" ] && cp -p "$sdk/LICENSE.txt" "$sdk/ThirdPartyNotices.txt" "$out/bin/dotnet/"

# Sorted by ending, so that like stands beside like; the filter for machine code is worth a tenth.
find "$out" \( -type f -o -type l \) -printf '%f\t%p\n' | sed -E 's/^.*\.([^.\t]+)\t/\1\t/' | sort -s -k1,1 | cut -f2 |
  tar cf - --owner=0 --group=0 -T - | xz -T0 --x86 --lzma2=preset=9e > "$archive"
bytes=$(stat -c %s "$archive")
echo "$archive: $bytes bytes compressed, $(du -sb "$out" | cut -f1) unpacked, .NET $version"
if [ "$bytes" -gt "$most" ]; then
  echo "gpu-pack.sh: larger than $most bytes. The largest files:" >&2
  find "$out" -type f -printf '%s %p\n' | sort -rn | head -n 15 >&2
  exit 1
fi
