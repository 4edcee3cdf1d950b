"""Make the sandbox's pictures of land under clouds: `python tests/make_pictures.py`. Needs Pillow."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).parent.parent))  # to run as a file

from peps_maja.sandbox.world import pictures

SIDE = 280
FIELDS = ((92, 122, 58), (118, 138, 70), (150, 140, 92), (176, 158, 110), (74, 104, 52), (132, 112, 80), (104, 130, 78))
FOREST, RIVER, TOWN, CLOUD = (38, 66, 40), (48, 72, 96), (168, 160, 156), (246, 247, 250)


def noise(chance: random.Random, *scales: int) -> Image.Image:
    """Return grey noise that is smooth at some scales: the first counts most."""
    grey = Image.new("L", (SIDE, SIDE), 128)
    for weight, scale in enumerate(scales, start=1):
        count = SIDE // scale + 3
        points = Image.new("L", (count, count))
        points.putdata([chance.randrange(256) for _ in range(count * count)])
        smooth = points.resize((count * scale, count * scale), Image.Resampling.BICUBIC).crop((0, 0, SIDE, SIDE))
        grey = Image.blend(grey, smooth, 0.75 / weight if weight > 1 else 1.0)
    return grey


def land(chance: random.Random) -> Image.Image:
    """Return fields and forests with a river, and a town beside it."""
    picture = Image.new("RGB", (SIDE, SIDE), FIELDS[0])
    draw = ImageDraw.Draw(picture)
    for _ in range(900):
        x, y = chance.randrange(-20, SIDE), chance.randrange(-20, SIDE)
        wide, high, lean = chance.randrange(8, 26), chance.randrange(8, 26), chance.randrange(-6, 7)
        corners = [(x, y), (x + wide, y + lean), (x + wide + lean, y + high + lean), (x + lean, y + high)]
        draw.polygon(corners, fill=chance.choice(FIELDS))
    woods = noise(chance, 60, 18).point(lambda grey: 255 if grey > 150 else 0).filter(ImageFilter.GaussianBlur(1.2))
    picture.paste(FOREST, mask=woods)
    for _ in range(160):
        x, y = round(chance.gauss(150, 16)), round(chance.gauss(150, 13))
        draw.rectangle((x, y, x + 4, y + 3), fill=TOWN)
    course = [(20 + 1.0 * y * 0.6 + 26 * (chance.random() - 0.5), y) for y in range(-14, SIDE + 15, 14)]
    draw.line([(x + 40, y) for x, y in course], fill=RIVER, width=5, joint="curve")
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def with_clouds(ground: Image.Image, percent: int, chance: random.Random) -> Image.Image:
    """Return the land under so many percent of clouds, and their shadows."""
    sky = noise(chance, 80, 34, 14)
    levels = sorted(sky.tobytes())
    limit = levels[min(len(levels) * (100 - percent) // 100, len(levels) - 1)] if percent else 256
    cover = sky.point(lambda grey: max(0, min(255, (grey - limit + 6) * 14)))
    shadow = ImageChops.offset(cover, -7, -9).point(lambda grey: grey * 2 // 5)
    picture = ground.copy()
    picture.paste((16, 22, 24), mask=shadow)
    shades = Image.merge("RGB", [sky.point(lambda grey: min(255, 205 + grey // 4))] * 3)
    picture.paste(Image.blend(Image.new("RGB", (SIDE, SIDE), CLOUD), shades, 0.6), mask=cover)
    return picture


def main() -> None:
    """Write one JPEG for each amount of clouds beside the module that reads them."""
    ground = land(random.Random(31))
    for number, percent in enumerate(pictures.CLOUDS):
        path = Path(pictures.__file__).with_name(f"clouds_{percent}.jpg")
        with_clouds(ground, percent, random.Random(number)).save(path, quality=38, optimize=True, subsampling=2)
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
