"""Rules about pictures: readable, few enough, small enough, and where they come from. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pilothouse.local.messages_images import fitted, image_tokens, media_type
from pilothouse.local.messages_refusal import Refusal, coded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pilothouse.local.messages_asked import Asked
    from pilothouse.local.messages_prompt import Picture

Json = dict[str, Any]
MAX_IMAGE_CHARS = 10 * 2**20
MAX_EDGE_PX = 8_000
MANY_IMAGES = 20
MAX_EDGE_OF_MANY_PX = 2_000
_SOURCES = ("base64", "url", "file")


def _pictures(asked: Asked) -> Iterator[tuple[int, Picture]]:
    for i, one in enumerate(asked.records):
        for picture in one.pictures:
            yield i, picture


def _place(message: int, picture: Picture) -> str:
    nested = f".tool_result.content.{picture.part}" if picture.part >= 0 else ""
    return f"messages.{message}.content.{picture.block}{nested}.image"


def image_sources(asked: Asked) -> str | None:
    """A picture comes in base64, by an address or by a file."""
    for i, picture in _pictures(asked):
        kind = picture.source.get("type")
        if kind not in _SOURCES:
            where = f"{_place(i, picture)}.source"
            return f"{where}: Input tag {kind!r} found does not match any of the expected tags"
    return None


def files_exist(asked: Asked) -> Refusal | None:
    """A file must be there, and be a picture."""
    for i, picture in _pictures(asked):
        if picture.source.get("type") != "file":
            continue
        name = picture.source.get("file_id")
        if asked.files is None or not asked.files.has(str(name)):
            return Refusal("not_found_error", f"File not found: {name}", 404)
        if picture.size is None:
            return Refusal(
                "invalid_request_error", f"{_place(i, picture)}.source.file: Could not process image"
            )
    return None


def files_in_results(asked: Asked) -> str | None:
    """Some accounts take no files within results; a switch of this server, not known of the real one."""
    if asked.files is None or asked.files.mode != "uploads-only":
        return None
    for i, picture in _pictures(asked):
        if picture.source.get("type") == "file" and picture.part >= 0:
            return f"{_place(i, picture)}.source: `file` sources are not supported in `tool_result` blocks"
    return None


def readable_images(asked: Asked) -> str | None:
    """A picture is what its media type says, as far as its first bytes tell, and not too heavy."""
    for i, picture in _pictures(asked):
        source, data = picture.source, picture.source.get("data")
        if source.get("type") != "base64":
            continue
        where = f"{_place(i, picture)}.source.base64"
        if not isinstance(data, str) or picture.size is None:
            return f"{where}.data: Could not process image"
        if len(data) > MAX_IMAGE_CHARS:
            size = f"{len(data)} bytes > {MAX_IMAGE_CHARS} bytes"
            return f"{where}: image exceeds 10 MB maximum: {size}"
        if source.get("media_type") != media_type(data):
            return (
                f"{where}.data: The image was specified using the {source.get('media_type')} media type, "
                f"but the image appears to be a {media_type(data)} image"
            )
    return None


def image_count(asked: Asked) -> str | None:
    """A request shows at most 600 pictures, 100 to a model of 200,000 tokens."""
    found = sum(1 for _ in _pictures(asked))
    most = asked.model.max_images if asked.model else found
    return f"messages: too many images: {found} > {most}" if found > most else None


def toolset_images(asked: Asked) -> Refusal | None:
    """Pictures in a toolset's results are refused, not scaled, when they are too big."""
    model = asked.model
    if model is None:
        return None
    inside = [(i, p) for i, p in _pictures(asked) if p.in_toolset and p.size]
    long = [(i, p) for i, p in inside if p.size and max(p.size) > model.max_edge_px]
    if long:
        words = f"image dimensions exceed the maximum of {model.max_edge_px} pixels per side"
        return _too_large(long, words, model.max_edge_px)
    heavy = [(i, p) for i, p in inside if p.size and image_tokens(*p.size) > model.max_image_tokens]
    if heavy and (size := heavy[0][1].size):
        words = f"image exceeds the maximum of {model.max_image_tokens} visual tokens"
        return _too_large(heavy, words, max(fitted(size, model.max_edge_px, model.max_image_tokens)))
    return None


def large_images(asked: Asked) -> Refusal | None:
    """No side measures more than 8,000 pixels; with more than twenty pictures, 2,000."""
    images = list(_pictures(asked))
    many = len(images) > MANY_IMAGES
    most = MAX_EDGE_OF_MANY_PX if many else MAX_EDGE_PX
    long = [(i, p) for i, p in images if p.size and max(p.size) > most]
    if not long:
        return None
    for_many = " for many-image requests" if many else ""
    return _too_large(
        long, f"At least one of the image dimensions exceed max allowed size{for_many}: {most} pixels", most
    )


def _too_large(found: list[tuple[int, Picture]], words: str, most_px: int) -> Refusal:
    paths = [picture.path(i) for i, picture in found]
    where = _place(*found[0])
    return coded(
        "image_dimensions_too_large", f"{where}: {words}", max_side_length_pixels=most_px, paths=paths
    )
