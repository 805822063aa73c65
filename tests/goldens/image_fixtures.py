"""Writes small image files of every kind the decoder must read, and beside each, as NAME.ppm, the pixels PIL reads from it.

    apt-get install --no-install-recommends python3-pil
    /usr/bin/python3 tests/goldens/image_fixtures.py
"""
import io
import math
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageOps

OUT = Path(__file__).resolve().parent / "data" / "images"
WIDTH, HEIGHT = 20, 12


def picture(width=WIDTH, height=HEIGHT):
    """Smooth colours with a dark corner block, so that no flip or turn maps the picture to itself."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            r = 255 * x // (width - 1)
            g = 255 * y // (height - 1)
            b = int(127.5 + 127 * math.sin(0.4 * x + 0.3 * y))
            image.putpixel((x, y), (20, 40, 10) if x < 5 and y < 3 else (r, g, b))
    return image


def mask(width=WIDTH, height=HEIGHT):
    """Opacity from 0 to 255, with fully transparent pixels."""
    alpha = Image.new("L", (width, height))
    alpha.putdata([max(0, 12 * i - 40) % 256 if i % 3 else 0 for i in range(width * height)])
    return alpha


def write(name, data, pixels):
    (OUT / name).write_bytes(data)
    buffer = io.BytesIO()
    pixels.save(buffer, "PPM")
    (OUT / (name + ".ppm")).write_bytes(buffer.getvalue())


def save(name, image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    data = buffer.getvalue()
    write(name, data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def png16(channels, rows):
    """A 16-bit PNG by hand: PIL writes no 16-bit colour."""
    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2 if channels == 3 else 0, 0, 0, 0)
    lines = b"".join(b"\0" + struct.pack(f">{len(row)}H", *row) for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rgb = picture()
    rgba = rgb.copy()
    rgba.putalpha(mask())
    grey_alpha = Image.merge("LA", (rgb.convert("L"), mask()))
    palette = rgb.quantize(16, dither=Image.Dither.NONE)

    save("colour.jpg", rgb, "JPEG", quality=92)
    save("progressive.jpg", rgb, "JPEG", quality=92, progressive=True)
    save("grey.jpg", rgb.convert("L"), "JPEG", quality=92)
    save("cmyk.jpg", rgb.convert("CMYK"), "JPEG", quality=95)
    save("lossless.webp", rgb, "WEBP", lossless=True)
    save("lossy.webp", rgb, "WEBP", quality=90)
    save("alpha.webp", rgba, "WEBP", lossless=True, exact=True)
    save("colour.bmp", rgb, "BMP")
    save("grey.png", rgb.convert("L"), "PNG")
    save("one_bit.png", rgb.convert("1"), "PNG")
    save("alpha.png", rgba, "PNG")
    save("grey_alpha.png", grey_alpha, "PNG")
    save("palette.png", palette, "PNG")
    save("palette_transparent.png", palette, "PNG", transparency=3)

    # The high byte of every sample is the picture's; PIL keeps that byte of 16-bit colour, and has no use for 16-bit grey.
    rows = [[256 * v + 40 for x in range(WIDTH) for v in rgb.getpixel((x, y))] for y in range(HEIGHT)]
    write("colour_16_bit.png", png16(3, rows), rgb)
    grey = rgb.convert("L")
    rows = [[256 * grey.getpixel((x, y)) + 40 for x in range(WIDTH)] for y in range(HEIGHT)]
    write("grey_16_bit.png", png16(1, rows), grey.convert("RGB"))

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"orientation_{orientation}.jpg", rgb, "JPEG", quality=92, exif=exif)


if __name__ == "__main__":
    main()
