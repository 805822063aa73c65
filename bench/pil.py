#!/usr/bin/python3
"""PIL's side of the rows "data 64" and "data 256" of bench: JPEG files decoded, cropped at random and resized, on one core.

    /usr/bin/python3 bench/pil.py FOLDER64 FOLDER256 > pil.json     folders of JPEG files: jpeg-64 and jpeg-400 below bench's --out,
                                                                    or the one given to bench as --data, twice
Prints one JSON object in the form of bench's own results, for --rival. Needs Pillow (Debian's python3-pil).
"""
import io
import json
import math
import pathlib
import random
import sys
import time

from PIL import Image, __version__

FILES, ROUNDS = 128, 9
SMALLEST, NARROWEST, WIDEST = 0.2, 3 / 4, 4 / 3


def rectangle(generator, width, height):
    """The box of a random-resized-crop: a share of the area, a ratio, a place; the middle when ten draws do not fit."""
    for _ in range(10):
        area = width * height * generator.uniform(SMALLEST, 1)
        ratio = math.exp(generator.uniform(math.log(NARROWEST), math.log(WIDEST)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = generator.randint(0, width - w), generator.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def load(encoded, size, generator):
    """From a file's bytes to the bytes of a training image."""
    image = Image.open(io.BytesIO(encoded)).convert("RGB")
    image = image.crop(rectangle(generator, *image.size)).resize((size, size), Image.BICUBIC)
    if generator.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return image.tobytes()


def measure(folder, size):
    """A row: seconds an image, over rounds through all files."""
    names = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))[:FILES]
    if not names:
        raise SystemExit(f"{folder}: no JPEG file in it")
    files = [name.read_bytes() for name in names]
    times = []
    for number in range(ROUNDS + 1):
        generator = random.Random(number)
        start = time.perf_counter()
        for encoded in files:
            load(encoded, size, generator)
        times.append((time.perf_counter() - start) / len(files))
    times = sorted(times[1:])
    median = times[len(times) // 2]
    return {"name": f"data {size}", "pass": "images", "median_s": median, "low_s": times[len(times) // 4],
            "high_s": times[len(times) * 3 // 4], "samples": len(times), "images_per_second": 1 / median}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    rows = [measure(sys.argv[1], 64), measure(sys.argv[2], 256)]
    print(json.dumps({"schema": 1, "program": f"Pillow {__version__}", "device": "cpu, one core", "rows": rows}, indent=2))
