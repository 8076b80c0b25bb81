"""The pages of `step_overhead`: six, with the same controls in the same places, each with a habit of its own.

No timer is longer than 400 ms. What moves for ever is fixed to the window, so that it can be masked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

PAGES = ("spinner", "timer", "lazy", "animation", "slow", "dates")
BAR_PX = 87
"""Above it is the browser's own bar."""
FIELD, BUTTON, LATE, SLOW, GROUND = (200, 124), (500, 124), (60, 169), (190, 169), (640, 560)
SPINNER, PULSE = (1080, 100, 1150, 170), (980, 100, 1050, 170)
"""What never rests: left, top, right, bottom, on the screen."""

HEAD = """<!doctype html><html lang=en><meta charset=utf-8><title>%(title)s</title>
<link rel=icon href="data:,"><style>
body{margin:0;font:16px sans-serif;caret-color:transparent;background:#fff}
#field{position:absolute;left:20px;top:20px;width:380px;height:30px;box-sizing:border-box;font-size:16px}
#go{position:absolute;left:440px;top:20px;width:120px;height:34px}
#late{position:absolute;left:20px;top:70px}#slow{position:absolute;left:140px;top:70px}
#out{position:absolute;left:20px;top:110px;width:900px;height:300px;overflow:hidden}
#list{position:absolute;left:20px;top:430px;width:1000px}.row{height:60px;border-bottom:1px solid #ccc}
.spin{position:fixed;left:1092px;top:25px;width:40px;height:40px;border:5px solid #ddd;box-sizing:border-box;
 border-top-color:#36c;border-radius:50%%;animation:turn .8s linear infinite}
.pulse{position:fixed;left:990px;top:23px;width:50px;height:50px;background:#c63;
 animation:fade 1s ease-in-out infinite alternate}
@keyframes turn{to{transform:rotate(360deg)}}@keyframes fade{to{opacity:.2}}
#panel{height:0;overflow:hidden;background:#def;transition:height .3s}#panel.open{height:200px}
#picker{opacity:0;transform:translateY(12px);transition:opacity .2s,transform .2s;width:300px}
#picker.open{opacity:1;transform:none}#picker b{display:inline-block;width:36px;font-weight:400}
</style>
<input id=field autofocus><button id=go>Go</button><a id=late href="/late">late page</a>
<a id=slow href="/slow">slow page</a><div id=out></div>%(extra)s
<div id=list></div>
<script>
const $ = id => document.getElementById(id), later = (ms, f) => setTimeout(f, ms);
const say = text => { $('out').insertAdjacentHTML('beforeend', '<p>' + text + '</p>'); };
const get = async (what, ms) => (await fetch('/data?ms=' + ms + '&what=' + what)).text();
for (let n = 1; n <= 80; n++)
  $('list').insertAdjacentHTML('beforeend', '<div class=row>Row ' + n + '<span></span></div>');
let typed = () => { $('out').textContent = 'You typed ' + $('field').value; };
let clicked = () => { say('Clicked.'); };
%(habit)s
$('go').onclick = () => clicked();
$('field').oninput = () => typed();
onload = () => { $('field').focus(); navigator.sendBeacon('/ready'); };
</script>"""

# What each does beside the common controls; a spinner or a pulse needs no script.
HABITS = {
    "spinner": "",
    "timer": """
clicked = () => { say('Working…'); later(350, () => say('Done, late.')); };
let waiting; typed = () => { clearTimeout(waiting);
  waiting = later(250, () => say('You may mean ' + $('field').value)); };
later(300, () => say('A late greeting.'));""",
    "lazy": """
clicked = async () => { const text = await get('more', 120);
  for (let n = 0; n < 4; n++) say(text + n + ' <img width=40 height=20 src="/dot.svg?ms=90&n=' + n + '">'); };
let waiting; typed = () => { clearTimeout(waiting); const value = $('field').value;
  waiting = later(120, async () => { $('out').textContent = await get(value, 90); }); };
const seen = new IntersectionObserver(entries => { for (const e of entries) if (e.isIntersecting) {
  seen.unobserve(e.target); get('row', 80).then(t => {
    e.target.lastChild.innerHTML = t + '<img width=40 height=20 src="/dot.svg?ms=60">'; });
} });
for (const row of document.querySelectorAll('.row')) seen.observe(row);""",
    "animation": """
$('out').innerHTML = '<div id=panel><p>The panel is open.</div><div id=bar>0</div>';
const fill = text => { const began = performance.now();
  (function step() { const share = Math.min(1, (performance.now() - began) / 250);
    $('bar').textContent = text + ' ' + Math.round(share * 100) + '%';
    $('bar').style.width = share * 300 + 'px';
    if (share < 1) requestAnimationFrame(step); })(); };
clicked = () => { $('panel').classList.toggle('open'); fill(''); };
typed = () => fill($('field').value);""",
    "slow": """
clicked = async () => { say('Loading…'); const text = await get('slow', 350); later(100, () => say(text)); };
get('first', 350).then(text => { say(text); later(100, () => say('And its second part.')); });
document.write('<img width=300 height=60 src="/dot.svg?ms=500" style="position:absolute;left:600px">');""",
    "dates": """
$('out').innerHTML = '<p id=day></p><div id=picker></div>';
clicked = () => { requestAnimationFrame(() => { let text = '<p>June 2027</p>';
  for (let day = 1; day <= 30; day++) text += '<b>' + day + '</b>';
  $('picker').innerHTML = text; $('picker').classList.add('open'); }); };
typed = () => { queueMicrotask(() => { clicked();
  $('day').textContent = 'The day is ' + $('field').value; }); };""",
}
SPIN, BEAT = "<div class=spin></div>", "<div class=pulse></div>"
LATE_PAGE = """<!doctype html><title>Late</title><link rel=icon href="data:,"><h1>Late</h1><p id=more></p>
<script>setTimeout(() => { more.textContent = 'Now it is all here.'; document.title = 'All of it'; }, 300)
</script>"""
SLOW_PAGE = """<!doctype html><title>Slow</title><link rel=icon href="data:,"><h1>Slow</h1><p id=more></p>
<img width=300 height=100 src="/dot.svg?ms=600">
<script>fetch('/data?ms=900&what=all').then(r => r.text()).then(t => { more.textContent = 'At last: ' + t; })
</script>"""
DOT = '<svg xmlns="http://www.w3.org/2000/svg"><rect width="300" height="100" fill="#383"/></svg>'


class Site:
    """The server of the pages.

    Attributes:
        ready: Set when a page has loaded.
    """

    def __init__(self) -> None:
        self.url = ""
        self.ready = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/page/{name}", self._page),
                web.get("/late", self._text(LATE_PAGE)),
                web.get("/slow", self._text(SLOW_PAGE)),
                web.get("/data", self._data),
                web.get("/dot.svg", self._dot),
                web.post("/ready", self._ready),
            ]
        )
        return app

    async def _page(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        extra = SPIN if name == "spinner" or "spin" in request.query else ""
        extra += BEAT if name == "animation" else ""
        text = HEAD % {"title": name, "extra": extra, "habit": HABITS[name]}
        return web.Response(text=text, content_type="text/html")

    def _text(self, text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            return web.Response(text=text, content_type="text/html")

        return answer

    async def _data(self, request: web.Request) -> web.Response:
        await asyncio.sleep(int(request.query["ms"]) / 1e3)
        return web.Response(text=f"<i>{request.query['what']}</i> ")

    async def _dot(self, request: web.Request) -> web.Response:
        await asyncio.sleep(int(request.query["ms"]) / 1e3)
        return web.Response(text=DOT, content_type="image/svg+xml", headers={"cache-control": "no-store"})

    async def _ready(self, request: web.Request) -> web.Response:
        self.ready.set()
        return web.Response()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Serve the pages."""
    from pilothouse.local.loopback import listening

    here = Site()
    async with listening(here.app()) as url:
        here.url = url
        yield here
