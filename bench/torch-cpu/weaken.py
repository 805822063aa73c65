#!/usr/bin/python3
"""Marks one version that a shared library needs as weak, so that it loads beside an older library without it.

    weaken.py LIBRARY.so VERSION        such as GLIBCXX_3.4.32; the file is changed in place; a second run changes nothing

ELF, 64 bit, little-endian: section .gnu.version_r is a list of needed files, each with a list of needed versions
(hash, flags, other, name, next); flag 2 is VER_FLG_WEAK.
"""
import struct
import sys

VERNEED, WEAK = 0x6FFFFFFE, 2


def weaken(data, version):
    """Flags of all needs of this version are set in place; returns how many there were."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise SystemExit("not a 64-bit little-endian ELF file")
    offset, = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + i * size) for i in range(count)]
    found = 0
    for kind, start, link, files in ((s[1], s[4], s[6], s[7]) for s in sections):
        if kind != VERNEED:
            continue
        strings = sections[link][4]
        for _ in range(files):
            _, needs, _, first, following = struct.unpack_from("<HHIII", data, start)
            entry = start + first
            for _ in range(needs):
                _, flags, _, name, after = struct.unpack_from("<IHHII", data, entry)
                if data[strings + name:data.index(b"\0", strings + name)] == version.encode():
                    struct.pack_into("<H", data, entry + 4, flags | WEAK)
                    found += 1
                entry += after
            start += following
    return found


if __name__ == "__main__":
    path, version = sys.argv[1:]
    with open(path, "rb") as file:
        content = bytearray(file.read())
    print(f"{path}: {weaken(content, version)} needs of {version} are weak", file=sys.stderr)
    with open(path, "wb") as file:
        file.write(content)
