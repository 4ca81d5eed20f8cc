"""A real Chromium without a window, driven by its own protocol (chromedevtools.github.io/devtools-protocol).

It is spoken to over two pipes (`--remote-debugging-pipe`), so that no port is open and no library needed. Every name
leads to this machine, and to nowhere else.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

NEEDS = "needs chromium: a real browser"


def program() -> str | None:
    """Where the browser is; None: it is not there."""
    return shutil.which("chromium")


@contextmanager
def browser() -> "Iterator[Browser]":
    """A browser with nothing of anybody's in it, gone afterwards."""
    with tempfile.TemporaryDirectory() as profile:
        ours, theirs = os.pipe(), os.pipe()
        words = [
            program() or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * 127.0.0.1",
            "about:blank",
        ]
        # the browser reads from descriptor 3 and writes to 4; other shells know descriptors up to 9 only
        process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{ours[0]} 4>&{theirs[1]}', "bash", *words],
            pass_fds=(ours[0], theirs[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        with os.fdopen(theirs[0], "rb", buffering=0) as answers, os.fdopen(ours[1], "wb", buffering=0) as questions:
            started = Browser(questions=questions, answers=answers)
            try:
                yield started
            finally:
                with suppress(OSError, EOFError):
                    started.do("Browser.close")
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@dataclass(slots=True, kw_only=True)
class Browser:
    """What is said to the browser, and what it says."""

    questions: Any
    answers: Any
    events: list[Answer] = field(default_factory=list)
    _left: bytes = b""
    _asked: int = 0

    def do(self, method: str, session: str | None = None, **parameters: object) -> Answer:
        """Ask for one thing, and wait until it is done."""
        self._asked += 1
        told: Answer = {"id": self._asked, "method": method, "params": parameters}
        if session is not None:
            told["sessionId"] = session
        self.questions.write(json.dumps(told).encode() + b"\0")
        while True:
            said = self._hear()
            if said.get("id") == self._asked:
                assert "error" not in said, said
                return said["result"]
            self.events.append(said)

    def wait(self, event: str) -> Answer:
        """Wait for an event, or take one that came already."""
        while True:
            for place, said in enumerate(self.events):
                if said.get("method") == event:
                    return self.events.pop(place)["params"]
            self.events.append(self._hear())

    def page(self) -> "Page":
        """A new page, with nothing in it."""
        context = self.do("Target.createBrowserContext")["browserContextId"]
        target = self.do("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        page = Page(browser=self, session=self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.do(f"{domain}.enable")
        return page

    def _hear(self) -> Answer:
        while b"\0" not in self._left:
            more = self.answers.read(1 << 16)
            if not more:
                raise EOFError("the browser has ended")
            self._left += more
        said, _, self._left = self._left.partition(b"\0")
        return json.loads(said)


@dataclass(slots=True, kw_only=True)
class Page:
    """One page of a browser."""

    browser: Browser
    session: str

    def do(self, method: str, **parameters: object) -> Answer:
        return self.browser.do(method, self.session, **parameters)

    def show(self, *, width: int = 1100, height: int = 900, media: str = "", scale: float = 1, **features: str) -> None:
        """On what it is looked at, and what its reader prefers, such as prefers_color_scheme="dark"."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )
        preferred = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.do("Emulation.setEmulatedMedia", media=media, features=preferred)

    def say(self, headers: Mapping[str, str]) -> None:
        """Send these with every request, as a proxy in front would."""
        self.do("Network.setExtraHTTPHeaders", headers=dict(headers))

    def without_scripts(self) -> None:
        self.do("Emulation.setScriptExecutionDisabled", value=True)

    def open(self, url: str) -> None:
        """Open it, and wait until all of it is there."""
        self.browser.events.clear()
        said = self.do("Page.navigate", url=url)
        assert "errorText" not in said, said
        self.browser.wait("Page.loadEventFired")

    def press(self, selector: str) -> None:
        """Press the mouse on what a selector finds, and wait for the page that comes of it."""
        x, y = self.middle(selector)
        self.browser.events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.browser.wait("Page.loadEventFired")

    def type(self, key: str, code: int) -> None:
        """Press a key of the keyboard."""
        text = {"Enter": "\r"}.get(key)
        more = {} if text is None else {"text": text}
        self.do("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
        self.do("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def middle(self, selector: str) -> tuple[float, float]:
        root = self.do("DOM.getDocument")["root"]["nodeId"]
        node = self.do("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        assert node, f"nothing is {selector}"
        self.do("DOM.scrollIntoViewIfNeeded", nodeId=node)
        quad = self.do("DOM.getContentQuads", nodeId=node)["quads"][0]
        return sum(quad[0::2]) / 4, sum(quad[1::2]) / 4

    def evaluate(self, code: str) -> Any:
        """What a script in the page gives, which the page's own policy does not bind."""
        said = self.do("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def picture(self, path: Path, *, width: int, height: int | None = None) -> None:
        """Draw the whole page, or what is above `height`, as PNG or WebP."""
        tall = height or self.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}
        how = {"format": "webp", "quality": 60} if path.suffix == ".webp" else {"format": "png"}
        said = self.do("Page.captureScreenshot", captureBeyondViewport=True, clip=clip, **how)
        path.write_bytes(base64.b64decode(said["data"]))

    def printed(self, path: Path) -> None:
        """Print it as PDF."""
        said = self.do("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.write_bytes(base64.b64decode(said["data"]))

    def complaints(self) -> list[str]:
        """What the browser wrote into the page's log, such as what a policy has stopped."""
        self.evaluate("0")
        said = [one["params"]["entry"]["text"] for one in self.browser.events if one.get("method") == "Log.entryAdded"]
        # over plain HTTP it has no effect, and is said each time
        return [one for one in said if "Cross-Origin-Opener-Policy" not in one]

    def requested(self) -> list[str]:
        """Everything that it asked for since it was opened."""
        kind = "Network.requestWillBeSent"
        return [one["params"]["request"]["url"] for one in self.browser.events if one.get("method") == kind]
