"""What a page must never do, whatever a test looks at: write an error to the console, break its content security
policy, call another host, or get an answer that nobody expected."""

import re
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (violation) =>
  console.error(`content security policy: ${violation.effectiveDirective} against ${violation.blockedURI}`), true);
"""
# The browser's own line about an answer; the answers are watched themselves, with their paths.
ANSWER_LINE = re.compile(r"Failed to load resource: (the server responded with a status|net::)")
ALWAYS_ALLOWED = (
    # The page asks who is signed in before it shows anything.
    r"401 GET /api/admin/session$",
)


@dataclass
class Watch:
    """Everything that one browser context does. `base_url` is the only place that it may talk to."""

    base_url: str
    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=lambda: [*ALWAYS_ALLOWED])

    async def follow(self, context: BrowserContext) -> None:
        await context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._broken)
        context.on("request", self._request)
        context.on("requestfailed", self._lost)
        context.on("response", self._answer)

    def allow(self, *patterns: str) -> None:
        """Faults that belong to the story of this test, such as `402 POST /v1/` or `offline`."""
        self.allowed += patterns

    @property
    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self.allowed)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not ANSWER_LINE.match(message.text):
            self.faults.append(f"console: {message.text} ({message.location['url']})")

    def _broken(self, error: WebError) -> None:
        self.faults.append(f"uncaught: {error.error.stack or error.error}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.base_url + "/", "data:", "blob:")):
            self.faults.append(f"off-site: {request.method} {request.url}")

    def _lost(self, request: Request) -> None:
        # A page that leaves, or asks anew, drops what it asked before.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"lost: {request.failure} {request.method} {self._path(request.url)}")

    def _answer(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"answer: {response.status} {response.request.method} {self._path(response.url)}")

    def _path(self, url: str) -> str:
        return url.removeprefix(self.base_url).partition("?")[0]
