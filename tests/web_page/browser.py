"""Chromium by its DevTools protocol, over pipes: no driver, no package."""

import base64
import contextlib
import json
import os
import shutil
import signal
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)


def find():
    """Return the program's path, `None` where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Tab:
    """One tab; `requests` holds every address it asked for, `errors` what
    scripts threw and the console called an error.
    """

    def __init__(self, program, profile):
        self.requests, self.errors = [], []
        self._count, self._kept = 0, b""
        ours, theirs = os.pipe(), os.pipe()
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        # Chromium reads from descriptor 3 and writes to 4.
        self._process = os.posix_spawn(
            program,
            [program, *flags],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, ours[0], 103),
                (os.POSIX_SPAWN_DUP2, theirs[1], 104),
                (os.POSIX_SPAWN_DUP2, 103, 3),
                (os.POSIX_SPAWN_DUP2, 104, 4),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._write, self._read = ours[1], theirs[0]
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")
        attached = self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def close(self):
        """End the browser and all its processes."""
        os.close(self._write)
        os.close(self._read)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def call(self, method, **parameters):
        """Send a command and return its result."""
        self._count += 1
        message = {
            "id": self._count,
            "method": method,
            "params": parameters,
        }
        if self._session:
            message["sessionId"] = self._session
        rest = json.dumps(message).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._write, rest) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def evaluate(self, expression):
        """Return the value of an expression, awaited, in the page."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            allowUnsafeEvalBlockedByCSP=False,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, condition, seconds=60):
        """Wait until an expression holds in the page."""
        end = time.monotonic() + seconds
        while not self.evaluate(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition}; errors: {self.errors}")
            time.sleep(0.05)

    def open(self, path, width=1200, height=900):
        """Open a file of the disk, by `file://`."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.requests.clear()
        self.errors.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete'")

    def choose(self, selector, path):
        """Give a file to a picker."""
        document = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call(
            "DOM.querySelector", nodeId=document, selector=selector
        )
        self.call(
            "DOM.setFileInputFiles", files=[str(path)], nodeId=node["nodeId"]
        )

    def drop(self, path, x=300, y=200):
        """Drop a file where the pointer is."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def press(self, key, code):
        """Press and release a key."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **(text if kind == "keyDown" else {}),
            )

    def screenshot(self, path, whole=True):
        """Write a picture of the page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _receive(self):
        while b"\0" not in self._kept:
            received = os.read(self._read, 2**16)
            if not received:
                raise RuntimeError("the browser has ended")
            self._kept += received
        message, _, self._kept = self._kept.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        parameters = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"])
        elif event.get("method") == "Log.entryAdded":
            if parameters["entry"]["level"] == "error":
                self.errors.append(parameters["entry"]["text"])
        elif event.get("method") == "Runtime.consoleAPICalled":
            if parameters["type"] in ("error", "warning"):
                self.errors.append(parameters["args"])
