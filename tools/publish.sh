#!/usr/bin/env bash
# Builds what people install, into artifacts/publish/, which is git-ignored, and prints the sizes:
#   LDaeCore.Tool.VERSION.nupkg     a dotnet tool for systems with the .NET 10 runtime
#   LDaeCore.Engine.VERSION.nupkg   the engine as a library, its kernels inside
#   LDaeCore.Model.VERSION.nupkg    methods, data and probes as a library
#   ldae-VERSION-linux-x64.tar.xz   a folder with the native ldae and its native libraries; it needs no .NET
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { echo "publish.sh: it takes no arguments" >&2; exit 2; }
out=artifacts/publish
version=$(sed -nE 's|.*<Version>(.*)</Version>.*|\1|p' Directory.Build.props)
name=ldae-$version-linux-x64

rm -rf "$out"
mkdir -p "$out"
dotnet publish tools/ldae -c Release -r linux-x64 --nologo -v quiet -o "$out/$name" -p:CppCompilerAndLinker=gcc
# The restore above stands: without the native compiler the lock file would be another.
dotnet pack tools/ldae -c Release --no-restore --nologo -v quiet -o "$out" -p:ToolPackage=true
for library in engine model; do
  dotnet pack "$library" -c Release --nologo -v quiet -o "$out"
done

# Symbols and documentation are for developers, who have the sources.
find "$out/$name" -type f \( -name '*.dbg' -o -name '*.pdb' -o -name '*.xml' \) -delete
cp LICENSE "$out/$name/"
tar -C "$out" --sort=name --owner=0 --group=0 -cf - "$name" | xz -T0 --x86 --lzma2=preset=9e > "$out/$name.tar.xz"
unpacked=$(du -sb "$out/$name" | cut -f1)
rm -rf "${out:?}/$name"
for file in "$out"/*.nupkg "$out/$name.tar.xz"; do
  echo "$file: $(stat -c %s "$file") bytes"
done
echo "unpacked, $name has $unpacked bytes"
