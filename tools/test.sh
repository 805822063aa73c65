#!/usr/bin/env bash
# The whole test suite. Installs what it needs; prints each part's seconds and closes with the counts.
set -euo pipefail
cd "$(dirname "$0")/.."

dotnet build LDaeCore.sln -c Release --nologo -v quiet
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
dotnet tests/bin/Release/net10.0/LDaeCore.Tests.dll --no-progress | tee "$log" || status=$?
count() { sed -nE "s/^ *$1: *([0-9]+).*/\1/p" "$log" | tail -n 1; }
echo "$(count succeeded) passed, $(count failed) failed, $(count skipped) skipped"
exit "$status"
