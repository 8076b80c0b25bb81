"""A small shop on loopback, for the demo and for tests: pages that behave, and some that don't.

Run it with `python -m pilothouse.local.shop`. What the pages look like is in `shop_pages` and `site/`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import asynccontextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pilothouse.errors import PilothouseError
from pilothouse.local import shop_goods as goods
from pilothouse.local import shop_pages as pages
from pilothouse.local.loopback import is_ours, listening, serve_until_told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STAGE_DELAYS_S = {"1": 0.6, "2": 0.75, "3": 0.9}
_ASSETS = {"style.css": "text/css", "shop.js": "text/javascript", "icon.svg": "image/svg+xml"}
_ORDER_NUMBER = "T-1001"
"""The same each time, so that recordings of the demo can be compared."""
_POLICY = "default-src 'self'; form-action 'self'; frame-ancestors 'none'"

_ORDERS = web.AppKey("orders", list[dict[str, str]])
"""What was ordered, for whoever wants to know what came of it: `/orders`."""

routes = web.RouteTableDef()


def application() -> web.Application:
    """Make the shop's aiohttp application."""
    app = web.Application(middlewares=[_guard], client_max_size=64 * 1024)
    app[_ORDERS] = []
    app.add_routes(routes)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Any) -> web.StreamResponse:
    if not is_ours(request):
        raise web.HTTPForbidden(text="Only this machine's own pages may ask.")
    response: web.StreamResponse = await handler(request)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def _html(
    template: str, title: str, request: web.Request, status: int = 200, /, **values: str
) -> web.Response:
    text = pages.page(template, title, _cart(request), **values)
    return web.Response(text=text, content_type="text/html", status=status)


def _cart(request: web.Request) -> list[tuple[goods.Good, str]]:
    return goods.read_cart(request.cookies.get("cart", ""))


@routes.get("/")
async def _home(request: web.Request) -> web.Response:
    return _html("home", "Tidewater Goods", request, tiles=pages.tiles(list(goods.GOODS.values())))


@routes.get("/site/{name}")
async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _ASSETS:
        raise web.HTTPNotFound
    return web.Response(text=pages.asset(name), content_type=_ASSETS[name])


@routes.get("/search")
async def _search(request: web.Request) -> web.Response:
    query = request.query.get("q", "")[:200]
    found = goods.find(query)
    said = f"{len(found)} found for “{query}”"
    return _html(
        "search",
        f"Search: {query}",
        request,
        query=escape(query),
        found=escape(said),
        tiles=pages.tiles(found),
    )


@routes.get("/product/{item}")
async def _product(request: web.Request) -> web.Response:
    good = goods.GOODS.get(request.match_info["item"])
    if good is None:
        raise web.HTTPNotFound
    return _html(
        "product",
        good.name,
        request,
        picture=pages.drawing(good, "red"),
        name=escape(good.name),
        price=goods.money(good.cents),
        blurb=escape(good.blurb),
        colours=pages.colours(),
        item=good.id,
    )


@routes.post("/cart")
async def _add(request: web.Request) -> web.Response:
    form = await request.post()
    added = goods.read_cart(".".join(str(form.get(field, "")) for field in ("item", "colour")))
    if not added:
        raise web.HTTPBadRequest(text="Choose a colour first.")
    response = web.Response(status=303, headers={"Location": "/cart"})
    response.set_cookie("cart", goods.write_cart([*_cart(request), *added]), samesite="Strict", httponly=True)
    return response


@routes.get("/cart")
async def _show_cart(request: web.Request) -> web.Response:
    cart = _cart(request)
    return _html("cart", "Your cart", request, rows=pages.rows(cart), total=pages.total(cart))


@routes.get("/checkout")
async def _checkout(request: web.Request) -> web.Response:
    return _html("checkout", "Check out", request, total=pages.total(_cart(request)))


@routes.post("/order")
async def _order(request: web.Request) -> web.Response:
    form = await request.post()
    name, day, cart = str(form.get("name", ""))[:80], str(form.get("day", ""))[:40], _cart(request)
    if not (name.strip() and day.strip() and cart):
        raise web.HTTPBadRequest(text="A name, a delivery day and something in the cart are needed.")
    request.app[_ORDERS].append({"name": name, "day": day})
    text = pages.page(
        "order",
        f"Order {_ORDER_NUMBER} confirmed",
        [],  # what was ordered is no longer in the cart
        name=escape(name),
        day=escape(day),
        number=_ORDER_NUMBER,
        rows=pages.rows(cart),
        total=pages.total(cart),
    )
    response = web.Response(text=text, content_type="text/html")
    response.del_cookie("cart")
    return response


@routes.get("/orders")
async def _orders(request: web.Request) -> web.Response:
    return web.json_response(request.app[_ORDERS])


@routes.get("/slow")
async def _slow(request: web.Request) -> web.Response:
    return _html("slow", "Arriving in stages", request)


@routes.get("/slow/{stage}")
async def _stage(request: web.Request) -> web.Response:
    stage = request.match_info["stage"]
    if stage not in STAGE_DELAYS_S:
        raise web.HTTPNotFound
    await asyncio.sleep(STAGE_DELAYS_S[stage])
    return web.Response(text=f"Stage {stage}")


@routes.get("/error")
async def _error(request: web.Request) -> web.Response:
    return _html("error", "500 Internal Server Error", request, 500)


@routes.get("/spinner")
async def _spinner(request: web.Request) -> web.Response:
    return _html("spinner", "One moment", request)


@routes.get("/hostile")
async def _hostile(request: web.Request) -> web.Response:
    return _html("hostile", pages.HOSTILE, request, text=escape(pages.HOSTILE))


@routes.get("/long")
async def _long(request: web.Request) -> web.Response:
    return _html("long", "A long page", request, bands=pages.bands())


@asynccontextmanager
async def serve(port: int = 0) -> AsyncIterator[str]:
    """Serve the shop while the context lasts; gives the address of its start page, with a final slash."""
    async with listening(application(), port) as url:
        yield f"{url}/"


def main(argv: list[str] | None = None) -> int:
    """Run the shop as a program; the ready line is `{"url": …}`."""
    parser = argparse.ArgumentParser(prog="pilothouse.local.shop", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    given = parser.parse_args(argv)
    try:
        asyncio.run(
            serve_until_told(
                application(),
                lambda url: {"url": f"{url}/"},
                with_parent=given.with_parent,
                port=given.port,
            )
        )
    except PilothouseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
