#!/usr/bin/python3
"""Golden values of PIL's antialiased bicubic resize, for tests/Model/Data/BicubicTests.cs.

Run with Pillow (Debian's python3-pil, 9.4.0): /usr/bin/python3 tests/goldens/pil_bicubic.py
Writes data/pil_bicubic.json (the cases) and data/pil_bicubic.bin (input and output pixels, RGB, one case after another).
"""
import json
import pathlib
import random

from PIL import Image, __version__

OUT = pathlib.Path(__file__).parent / "data"

# input width and height, output width and height, box or None
CASES = [
    (32, 32, 16, 16, None),
    (32, 32, 32, 32, None),
    (16, 16, 40, 40, None),
    (37, 23, 11, 17, None),
    (23, 37, 32, 32, None),
    (75, 50, 24, 16, None),
    (61, 64, 8, 8, None),
    (5, 3, 16, 16, None),
    (1, 1, 8, 8, None),
    (1, 40, 8, 8, None),
    (50, 2, 8, 8, None),
    (64, 32, 64, 16, None),
    (64, 32, 16, 32, None),
    (48, 40, 16, 16, (3, 5, 40, 33)),
    (48, 40, 32, 32, (10, 0, 31, 40)),
    (48, 40, 17, 19, (0.5, 1.25, 40.75, 33.125)),
    (48, 40, 24, 24, (7.3, 9.9, 19.1, 20.2)),
    (48, 40, 48, 40, (0.1, 0.2, 47.3, 39.4)),
    (33, 33, 8, 8, (0, 0, 33, 33)),
]


def picture(width, height, seed):
    """Noise, flat patches and hard edges: overshoot is clipped at both ends."""
    generator = random.Random(seed)
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            kind = (x // 4 + y // 3) % 3
            for c in range(3):
                pixels.append(generator.randrange(256) if kind == 0 else 255 * ((x + c) // 5 % 2) if kind == 1 else 40 * c)
    return Image.frombytes("RGB", (width, height), bytes(pixels))


cases, data = [], bytearray()
for number, (width, height, out_width, out_height, box) in enumerate(CASES):
    image = picture(width, height, number)
    resized = image.resize((out_width, out_height), Image.BICUBIC, box=box)
    data += image.tobytes() + resized.tobytes()
    cases.append({"width": width, "height": height, "outWidth": out_width, "outHeight": out_height,
                  "box": list(box or (0, 0, width, height))})
OUT.mkdir(exist_ok=True)
(OUT / "pil_bicubic.bin").write_bytes(data)
(OUT / "pil_bicubic.json").write_text(json.dumps({"pillow": __version__, "cases": cases}, indent=1) + "\n")
print(len(CASES), "cases,", len(data), "bytes")
