"""Pages that mean harm to whoever looks at them: they are still seen, and acted on, and told of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from kernel import AsyncKernel

from pilothouse.local.loopback import listening
from tests.local.kernel.conftest import server
from tests.local.kernel.pages import PAGE, Lab

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

SPIN = "<style>@keyframes s{to{rotate:1turn}}i{position:absolute;left:9px;top:300px;width:99px;height:99px;"
SPIN += "background:red;animation:s 1s linear infinite}</style><i></i>"
HARM = {
    "long-answer": f"""{SPIN}<script>
Math.round = Math.abs = Math.max = () => 'x'.repeat(70e6);
Element.prototype.getBoundingClientRect = () => {{ const s = 'x'.repeat(70e6);
  return {{left: s, top: s, right: s, bottom: s, width: 1, height: 1}}; }};
</script>""",
    "own-language": f"""{SPIN}<script>
const no = () => {{ throw new Error('no'); }}, kept = {{constructor: 1, push: 1, shift: 1}};
for (const of of [Map, Set, Promise, RegExp, Array])
  for (const name of Reflect.ownKeys(of.prototype))
    if (!kept[name])
      Object.defineProperty(of.prototype, name, {{value: no, writable: true, configurable: true}});
</script>""",
    "long-address": "<script>history.pushState(null, '', '?' + 'x'.repeat(2e5))</script>",
    "half-a-character": """<script>
document.title = 'a\\ud800b';
console.log('half \\ud800', {a: '\\ud800'});
</script>""",
}


class Pages(Lab):
    async def page(self, request: web.Request) -> web.Response:
        harm = HARM.get(request.path[1:], "")
        return web.Response(text=PAGE + harm, content_type="text/html")


class Looker:
    """A browser on a page that means harm."""

    def __init__(self, kernel: AsyncKernel, browser: str, lab: Lab) -> None:
        self.kernel, self.browser, self.lab = kernel, browser, lab

    async def settled(self) -> httpx.Response:
        path = f"/browsers/{self.browser}/computer/settled"
        return await self.kernel.post(path, cast_to=httpx.Response)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def looker() -> AsyncIterator[Looker]:
    pages = Pages()
    app = web.Application()
    app.add_routes([web.post("/event", pages.event), web.get("/{path:.*}", pages.page)])
    telemetry: Any = {"browser": {"console": {"enabled": True}}}
    async with (
        server("--backend", "headless") as up,
        listening(app) as pages.url,
        up.client() as kernel,
    ):
        made = await kernel.browsers.create(viewport={"width": 800, "height": 600}, telemetry=telemetry)
        yield Looker(kernel, made.session_id, pages)


@pytest.mark.parametrize("harm", list(HARM))
async def test_it_is_seen_and_acted_on_and_the_browser_lives(looker: Looker, harm: str) -> None:
    looker.lab.events.clear()
    await looker.kernel.browsers.update(looker.browser, start_url=f"{looker.lab.url}/{harm}")
    await looker.lab.one("load", path=f"/{harm}")
    computer = looker.kernel.browsers.computer
    for _ in range(2):
        looker.lab.events.clear()
        await computer.click_mouse(looker.browser, x=300, y=500)
        await looker.lab.one("click")
        seen = await looker.settled()
        assert seen.headers["x-settled-by"] == "signals"
        assert len(seen.headers["x-page-url"]) < 8000
        assert await (await computer.capture_screenshot(looker.browser)).read()


async def test_half_a_character_on_the_console_is_told_of(looker: Looker) -> None:
    looker.lab.events.clear()
    await looker.kernel.browsers.update(looker.browser, start_url=f"{looker.lab.url}/half-a-character")
    await looker.lab.one("load", path="/half-a-character")
    await looker.settled()
    told = [
        cast("Any", event.event.to_dict())["data"]["text"]
        async for event in looker.kernel.browsers.telemetry.events(looker.browser, type=["console_log"])
    ]
    assert told
    assert told[-1].startswith("half \ufffd ")
