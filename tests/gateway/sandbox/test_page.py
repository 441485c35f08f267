"""The page for people, in a real browser."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.gateway.sandbox.wire_client import WireClient, send_request
from tests.sandbox import SandboxProcess


@pytest.fixture
def page(sandbox: SandboxProcess, chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 360, "height": 800})
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(sandbox.url)
    expect(page.locator("#state")).to_have_text("Answering normally")
    yield page
    page.close()
    assert troubles == []


def test_the_page_shows_hostile_text_as_text_and_counts(
    sandbox: SandboxProcess, client: WireClient, page: Page
) -> None:
    text = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    client.ask(send_request(1, text=text))
    client.ask(send_request(1, text="W" * 300))
    sandbox.set_faults({"500": 1})
    client.ask(send_request(2, text="Never taken"))

    messages = page.locator("#messages li")
    expect(messages).to_have_count(3)
    expect(messages.nth(0)).to_have_class("refused")
    expect(messages.nth(2).locator(".words")).to_have_text(text)
    expect(page.locator("#total")).to_have_text("3")
    expect(page.locator("#accepted")).to_have_text("2")
    expect(page.locator("#refused")).to_have_text("1")
    expect(page.locator("#duplicates")).to_have_text("1")
    assert page.locator("img, script").count() == 2  # our own icon and script
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == 360


def test_buttons_switch_faults_on_and_off_by_keyboard(sandbox: SandboxProcess, page: Page) -> None:
    button = page.get_by_role("button", name="Answer 500")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert sandbox.state()["settings"]["faults"] == {"500": {"rate": 1}}
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert sandbox.state()["settings"]["faults"] == {}

    page.get_by_role("button", name="Slow: 1 s").click()
    page.get_by_label("Any other fault").select_option("drip_body")
    page.get_by_label("Share").select_option("half")
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("#announcement")).to_have_text(
        "Says OK, the body a byte a second (50 %) · replies wait 1 s"
    )
    page.get_by_role("button", name="Back to normal").click()
    expect(page.locator("#announcement")).to_have_text("Answering normally")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/page.js", "text/javascript; charset=utf-8"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/control", "application/json"),
    ],
)
def test_everything_for_browsers_comes_with_strict_headers(
    sandbox: SandboxProcess, path: str, content_type: str
) -> None:
    reply = requests.get(f"{sandbox.url}{path}", timeout=5)

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, content_type)
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert requests.head(f"{sandbox.url}{path}", timeout=5).content == b""


@pytest.mark.parametrize("path", ["/page/../server.py", "/page/", "/page/x", "/favicon.ico"])
def test_nothing_else_is_served(sandbox: SandboxProcess, path: str) -> None:
    with WireClient(sandbox.port) as client:
        response = client.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    assert response.status == 404
