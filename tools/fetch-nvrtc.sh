#!/usr/bin/env bash
# NVRTC without a GPU, a driver or a CUDA toolkit: downloads Debian's packages libnvrtc12 and libnvrtc-builtins12.4 (18 MB) and
# unpacks them into a cache folder. Installs nothing and leaves the machine's package lists as they were. Prints the folder.
#   LDAE_CUDA_PATH="$(tools/fetch-nvrtc.sh)" makes the engine find it.
# Needs a Debian machine (apt-get, dpkg) whose archive mirror can be reached, or the folder from an earlier call.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ldaecore/nvrtc
suite=trixie component=non-free
packages=(libnvrtc12 libnvrtc-builtins12.4)

die() { echo "fetch-nvrtc.sh: $*" >&2; exit 1; }
complete() { # FOLDER: holds both libraries
  compgen -G "$1/libnvrtc.so.12*" > /dev/null && compgen -G "$1/libnvrtc-builtins.so.12.4*" > /dev/null
}

if complete "$cache"; then
  echo "$cache"
  exit 0
fi

for tool in apt-get dpkg; do
  command -v "$tool" > /dev/null || die "$tool is not on the path: NVRTC can be fetched on a Debian machine only"
done

# The mirror and keyring are the machine's own; the first Debian source says which.
source_field() { # FIELD: its first value among the deb822 sources that serve Debian itself
  awk -v field="$1:" 'tolower($1) == tolower(field) { print $2 }' /etc/apt/sources.list.d/debian.sources 2> /dev/null | head -n 1
}
mirror=$(source_field URIs)
if [ -z "$mirror" ]; then
  mirror=$(grep -rhsE '^deb ' /etc/apt/sources.list /etc/apt/sources.list.d | sed -E 's/\[[^]]*\] *//' \
    | awk '$2 ~ /\/debian\/?$/ { print $2 }' | head -n 1)
fi
[ -n "$mirror" ] || die "no Debian archive among the machine's apt sources"
keyring=$(source_field Signed-By)
[ -n "$keyring" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "the archive's keyring $keyring cannot be read: install debian-archive-keyring"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d,lists/partial,archives/partial,unpacked}
echo "deb [signed-by=$keyring arch=amd64] $mirror $suite $component" > "$work/etc/sources.list"
touch "$work/status"
apt=(apt-get -qq
  -o "Dir::Etc::sourcelist=$work/etc/sources.list"
  -o "Dir::Etc::sourceparts=$work/etc/sources.list.d"
  -o "Dir::Etc::preferencesparts=$work/etc/preferences.d"
  -o "Dir::State::lists=$work/lists"
  -o "Dir::State::status=$work/status"
  -o "Dir::Cache=$work"
  -o "Dir::Cache::archives=$work/archives"
  -o "APT::Sandbox::User="
  -o "Acquire::Languages=none")
"${apt[@]}" update >&2 || die "the package lists of $suite $component could not be fetched from $mirror"
(cd "$work/archives" && "${apt[@]}" download "${packages[@]}" >&2) || die "${packages[*]} could not be downloaded from $mirror"
for package in "$work"/archives/*.deb; do
  dpkg -x "$package" "$work/unpacked"
done

# Copied beside its place and renamed, so that a killed call leaves no half library behind.
mkdir -p "$(dirname "$cache")"
fresh=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work" "$fresh"' EXIT
find "$work/unpacked" -name 'libnvrtc*.so*' -exec cp -a {} "$fresh/" \;
complete "$fresh" || die "the packages do not hold the libraries that were expected in them"
chmod 755 "$fresh"
rm -rf "$cache"
mv -T "$fresh" "$cache"
echo "$cache"
