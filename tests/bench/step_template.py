"""The template's loop, replayed: one synchronous client call after the other, a fixed sleep, a screenshot.

Its calls, sleeps and clients are those of Kernel's published template (model-api §6): synchronous clients, a
new one for the model every turn, 2.0 s after an action and 2.2 s after a scroll, then a screenshot. What is
broken in it with today's SDKs is left out, and its answers are such that the strict server takes them.
"""

from __future__ import annotations

import base64
import time
from typing import Any

import anthropic
import kernel

SLEEP_S, SCROLL_SLEEP_S = 2.0, 2.2


class Template:
    """One conversation on one browser; runs in a thread."""

    def __init__(
        self, model_url: str, model_key: str, kernel_url: str, kernel_key: str, browser: str
    ) -> None:
        self._model_url, self._model_key = model_url, model_key
        self._kernel = kernel.Kernel(base_url=kernel_url, api_key=kernel_key)
        self._browser = browser

    def run(self, task: str) -> None:
        """Go on until the model asks for nothing more."""
        messages: list[Any] = [{"role": "user", "content": task}]
        while True:
            client = anthropic.Anthropic(base_url=self._model_url, api_key=self._model_key)
            answer = client.beta.messages.create(
                model="claude-opus-5-5",
                max_tokens=4096,
                system="You are at a browser.",
                tools=[{"type": "computer_toolset_20260801"}],
                messages=messages,
            )
            messages.append(answer.to_param())
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                return
            messages.append({"role": "user", "content": [self._result(call) for call in calls]})

    def _result(self, call: Any) -> dict[str, Any]:
        self._act(call.name, call.input)
        if call.name != "screenshot":  # what it looks at has been slept for
            time.sleep(SCROLL_SLEEP_S if call.name == "scroll" else SLEEP_S)
        png = self._kernel.browsers.computer.capture_screenshot(self._browser).read()
        data = base64.b64encode(png).decode()
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
        return {
            "type": "tool_result",
            "tool_use_id": call.id,
            "toolset_name": "computer",
            "content": [image],
        }

    def _act(self, member: str, given: dict[str, Any]) -> None:
        computer, browser = self._kernel.browsers.computer, self._browser
        x, y = given.get("coordinate", (0, 0))
        match member:
            case "left_click":
                computer.click_mouse(browser, x=x, y=y)
            case "scroll":
                computer.scroll(browser, x=x, y=y, delta_y=given["scroll_amount"])
            case "type":
                computer.type_text(browser, text=given["text"])
            case "screenshot":
                pass  # taken by who calls this, after every action
            case "key":
                computer.press_key(browser, keys=[given["text"]])
            case _:
                raise AssertionError(f"the template's {member} is not replayed")
