"""A page that tells its server what happens to it, and a server that can be asked to wait for that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

PAGE = """<!doctype html><title>Lab</title>
<style>body{margin:0;height:4000px} #box{position:absolute;left:20px;top:20px;width:600px;height:60px}
#drag{position:absolute;left:20px;top:120px;width:60px;height:60px;background:#c33}</style>
<textarea id=box></textarea><div id=drag></div>
<a href="/goods.bin" style="position:absolute;left:20px;top:220px">download</a>
<script>
// One at a time and in order: of many beacons at once some are lost, on a busy machine, without a word.
const news = [];
let telling = false;
const pump = async () => {
  if (telling) return;
  telling = true;
  while (news.length)
    try {
      await fetch('/event', {method: 'POST', body: news[0], keepalive: true});
      news.shift();
    } catch { await new Promise(go => setTimeout(go, 20)); }
  telling = false;
};
const tell = (kind, more = {}) => { news.push(JSON.stringify({kind, ...more})); pump(); };
addEventListener('pagehide', () => {
  for (const one of news.slice(telling ? 1 : 0)) navigator.sendBeacon('/event', one);
});
const spot = e => ({x: e.screenX, y: e.screenY, trusted: e.isTrusted, button: e.button, shift: e.shiftKey,
                    ctrl: e.ctrlKey});
for (const kind of ['click', 'dblclick', 'mousedown', 'mouseup', 'contextmenu', 'auxclick'])
  addEventListener(kind, e => { if (kind == 'contextmenu') e.preventDefault(); tell(kind, spot(e)); }, true);
addEventListener('keydown', e => tell('keydown', {key: e.key, ctrl: e.ctrlKey, trusted: e.isTrusted}), true);
addEventListener('keyup', e => tell('keyup', {key: e.key}), true);
addEventListener('wheel', e => tell('wheel', {dx: e.deltaX, dy: e.deltaY}), {passive: true});
addEventListener('mousemove', e => { if (e.buttons) tell('dragging', spot(e)); });
box.addEventListener('input', () => tell('input', {value: box.value}));
addEventListener('blur', () => tell('blur'));
addEventListener('focus', () => tell('focus', {path: location.pathname}));
// Chromium drops input until a page's first frame is out.
const later = f => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(f, 50)));
addEventListener('load', () => { box.focus(); later(() => tell('load', {path: location.pathname})); });
</script>"""
PASSWORD = PAGE.replace("<textarea id=box></textarea>", "<input type=password id=box>")
NOISY = f"""{PAGE}<script>
console.log('hello', {{a: 1}});
console.error('bad');
fetch('http://127.0.0.1:2/no').catch(() => 0);
setTimeout(() => {{ throw new Error('boom'); }});
</script>"""
SLOW = f"""{PAGE}<script>
onclick = () => setTimeout(() => {{ document.body.style.background = '#0a0'; }}, 300);
</script>"""
PAGES = {"/secret": PASSWORD, "/noisy": NOISY, "/slow-to-turn-green": SLOW}


class Lab:
    """The page's server."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self._heard = asyncio.Event()

    async def wait_for(
        self,
        wanted: Callable[[list[dict[str, Any]]], Any],
        what: str = "the page to tell",
        timeout: float = 15,
    ) -> Any:
        """Wait until the events so far satisfy a question; gives its answer."""
        try:
            async with asyncio.timeout(timeout):
                while not (answer := wanted(self.events)):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"waited for {what}; heard {self.events[-10:]}") from None
        return answer

    async def one(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Wait for an event with these fields."""

        def match(events: list[dict[str, Any]]) -> dict[str, Any] | None:
            return next(
                (e for e in events if e["kind"] == kind and all(e.get(k) == v for k, v in fields.items())),
                None,
            )

        found: dict[str, Any] = await self.wait_for(match, f"{kind} {fields}")
        return found

    async def page(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/goods.bin":
            headers = {"Content-Disposition": "attachment"}
            return web.Response(body=b"goods", content_type="application/octet-stream", headers=headers)
        return web.Response(text=PAGES.get(request.path, PAGE), content_type="text/html")

    async def event(self, request: web.Request) -> web.Response:
        self.events.append(json.loads(await request.text()))
        self._heard.set()
        return web.Response()


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """Serve the page."""
    here = Lab()
    app = web.Application()
    app.add_routes([web.post("/event", here.event), web.get("/{path:.*}", here.page)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield here
    finally:
        await runner.cleanup()
