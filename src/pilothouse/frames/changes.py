"""Where two pictures differ, and boxes drawn around that. Knows nothing of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pilothouse.frames.geometry import Box

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST: Final = 12
"""A smaller difference of a colour, of 255, is the encoder's."""
MOST: Final = 24
"""More places than this are told as one."""
_TILES_ACROSS: Final = 64
_INK: Final = (255, 60, 180)
_HALO: Final = (0, 0, 0)


def changed_boxes(before: Image, after: Image) -> list[Box]:
    """List the places that differ, in pixels of `after`, from the top; everything for another size."""
    if before.size != after.size:
        return [Box(0, 0, after.width, after.height)]
    from PIL import ImageChops  # not for the first frame

    channels = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).split()
    most = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    tile = max(after.width // _TILES_ACROSS, 2)
    mask = most.point([255 if value >= LEAST else 0 for value in range(256)]).convert("L")
    across, down = -(-after.width // tile), -(-after.height // tile)
    differs = {
        (x, y)
        for y in range(down)
        for x in range(across)
        if mask.crop(_tile(x, y, tile, after)).getbbox() is not None
    } if mask.getbbox() else set()  # fmt: skip
    boxes = [_around(group, tile, after) for group in _groups(differs)]
    if len(boxes) > MOST:
        boxes = [_around(differs, tile, after)]
    return sorted(boxes, key=lambda box: (box.y, box.x))


def draw_boxes(image: Image, boxes: list[Box]) -> Image:
    """Give the picture with the boxes drawn on it; the given one is left as it is."""
    drawn = image.convert("RGB")
    from PIL import ImageDraw  # not for the first frame

    pen = ImageDraw.Draw(drawn)
    wide = max(image.width // 400, 1)
    for box in boxes:
        corners = (box.x, box.y, max(box.x + box.width - 1, box.x), max(box.y + box.height - 1, box.y))
        if wide > 1:
            pen.rectangle(corners, outline=_HALO, width=wide * 2)
        pen.rectangle(corners, outline=_INK, width=wide)
    return drawn


def _tile(x: int, y: int, tile: int, image: Image) -> tuple[int, int, int, int]:
    return x * tile, y * tile, min((x + 1) * tile, image.width), min((y + 1) * tile, image.height)


def _groups(tiles: set[tuple[int, int]]) -> list[set[tuple[int, int]]]:
    """Put tiles that touch, at a corner or across one tile, together."""
    left, groups = set(tiles), []
    near = [(x, y) for x in range(-2, 3) for y in range(-2, 3)]
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            x, y = edge.pop()
            group.add((x, y))
            for dx, dy in near:
                if (x + dx, y + dy) in left:
                    left.remove((x + dx, y + dy))
                    edge.append((x + dx, y + dy))
        groups.append(group)
    return groups


def _around(tiles: set[tuple[int, int]], tile: int, image: Image) -> Box:
    left, top = min(x for x, _ in tiles) * tile, min(y for _, y in tiles) * tile
    right = min((max(x for x, _ in tiles) + 1) * tile, image.width)
    bottom = min((max(y for _, y in tiles) + 1) * tile, image.height)
    return Box(left, top, right - left, bottom - top)
