"""Looking at a page in every way that counts: both themes, wide and narrow."""

from pathlib import Path
from time import monotonic
from typing import Any

import pytest

AXE = (Path(__file__).parent / "axe.min.js").read_text()
WIDE, NARROW = 1280, 360
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Only colours depend on the theme, so in the dark one only they are looked at.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
VIOLATIONS = """async (rules) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...rules });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}"""


class Watched:
    """A page of Playwright's, and what it complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        # Parts of complaints that a test provokes on purpose.
        self.expected: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        is_expected = any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not is_expected:
            self.complaints.append(message.text)

    def open(self, address: str) -> None:
        self.page.goto(address)

    def comes_true(self, expression: str, *, seconds: float = 10) -> bool:
        """Whether the page's script says so in time.

        Not Playwright's wait_for_function: it evaluates within the page, where
        our policy forbids it.
        """
        deadline = monotonic() + seconds
        while not self.page.evaluate(expression):
            if monotonic() > deadline:
                return False
            self.page.wait_for_timeout(20)
        return True

    def look_at_it_every_way(self) -> None:
        """Nothing sticks out and axe finds nothing wrong, in both themes, wide and narrow."""
        self.page.evaluate(AXE)
        found: list[str] = []
        for width in (WIDE, NARROW):
            self.page.set_viewport_size({"width": width, "height": 800})
            # A chart follows a change of width a moment later.
            if not self.comes_true(f"{OVERFLOW} <= 0", seconds=2):
                found.append(f"sticks out at {width} by {self.page.evaluate(OVERFLOW)}")
            for theme, rules in RULES.items():
                self.page.emulate_media(color_scheme=theme)
                assert self.comes_true(f"document.documentElement.dataset.bsTheme === '{theme}'")
                found += [
                    f"{theme}, {width}: {violation}"
                    for violation in self.page.evaluate(VIOLATIONS, rules)
                ]
        if found:
            pytest.fail("\n".join([self.page.url, *found]))
