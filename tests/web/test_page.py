"""The page in a real browser: desk and phone, light and dark, without JavaScript errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.servers import chromium as browsers
from tests.web.conftest import Serve

pytestmark = [pytest.mark.integration, pytest.mark.asyncio, pytest.mark.timeout(120)]


@asynccontextmanager
async def opened(browser: Browser, **options: Any) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page and the errors that its scripts, styles and requests raise."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("response", lambda r: errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    yield page, errors
    await context.close()


async def test_from_the_list_to_the_report_to_the_acknowledgement(serve: Serve, chromium: browsers.Chromium) -> None:
    served = await serve()
    one = await served.incident()
    async with chromium.browser() as browser, opened(browser) as (page, errors):
        await page.goto(served.url)
        await page.get_by_text(one.title).click()
        await page.wait_for_url(f"**/incidents/{one.id}")
        assert await page.get_by_role("heading", level=1).inner_text()
        assert await page.locator(".causes > li").count() >= 1
        assert await page.locator("progress").first.get_attribute("value")
        cite = page.locator("a.cite").first
        target = await cite.get_attribute("href")
        assert target is not None
        assert await page.locator(target).count() == 1, "a citation leads to its evidence"
        await page.get_by_role("button", name="Acknowledge").click()
        await page.wait_for_load_state()
        assert "acknowledged" in await page.locator(".facts").inner_text()
        assert errors == []


async def test_a_phone_in_the_dark_scrolls_in_one_direction_only(serve: Serve, chromium: browsers.Chromium) -> None:
    served = await serve()
    one = await served.incident()
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "device_scale_factor": 2}
    async with chromium.browser() as browser, opened(browser, **phone) as (page, errors):
        graphs = ("/taxonomy", "/taxonomy/gpu.fallen_off_bus")
        for path in ("/", f"/incidents/{one.id}", "/silences", "/quarantine", "/skills", *graphs):
            await page.goto(served.url + path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, f"{path} is {width} px wide on a phone"
            dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert dark == "rgb(22, 22, 24)"
        assert errors == []


async def test_from_a_cause_to_what_follows_from_it_without_a_script(serve: Serve, chromium: browsers.Chromium) -> None:
    served = await serve()
    one = await served.incident()
    async with chromium.browser() as browser, opened(browser, java_script_enabled=False) as (page, errors):
        await page.goto(f"{served.url}/incidents/{one.id}")
        await page.get_by_role("link", name="gpu.fallen_off_bus", exact=True).click()
        await page.wait_for_url("**/taxonomy/gpu.fallen_off_bus")
        near = page.locator("svg.side")
        assert await near.is_visible()
        assert not await page.locator("svg.outline").is_visible()
        assert await near.locator("path.effect").count() > 3
        boxes = await near.locator("a.effect rect:first-of-type").evaluate_all(
            "all => all.map(one => one.getBBox().width)"
        )
        texts = await near.locator("a.effect text").evaluate_all("all => all.map(one => one.getBBox().width)")
        assert max(texts) < min(boxes), "a title stays in its box"
        await near.locator("a", has_text="One rank crashed").click()
        await page.wait_for_url("**/taxonomy/train.rank_failure")
        await page.get_by_role("link", name="Causes").first.click()
        await page.wait_for_url("**/taxonomy")
        assert await page.locator("svg.graph a.class").count() > 60
        assert await page.locator("svg.graph path.edge").count() > 200
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(f"{served.url}/taxonomy/train.rank_failure")
        assert await page.locator("svg.outline").is_visible()
        assert not await page.locator("svg.side").is_visible()
        assert errors == []


async def test_an_unknown_class_is_said_so(serve: Serve) -> None:
    served = await serve()
    answer = await served.client.get("/taxonomy/no.such", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "no class no.such" in answer.text


async def test_hostile_text_stays_text(serve: Serve, chromium: browsers.Chromium) -> None:
    served = await serve()
    one = await served.incident(
        node="<script>document.title='pwned'</script>", alertname="<img src=x onerror=alert(1)>"
    )
    async with chromium.browser() as browser, opened(browser) as (page, errors):
        await page.goto(f"{served.url}/incidents/{one.id}")
        assert "pwned" not in await page.title() or "<script>" in await page.title()
        assert await page.locator("main img").count() == 0
        assert await page.locator("main script").count() == 0
        assert errors == []


async def test_with_a_token_the_page_asks_for_it_once(serve: Serve, chromium: browsers.Chromium) -> None:
    served = await serve(listen={"auth": {"bearer": "s3cret-token"}})
    async with chromium.browser() as browser, opened(browser) as (page, errors):
        await page.goto(served.url)
        await page.wait_for_url("**/login")
        await page.get_by_label("Token").fill("wrong")
        await page.get_by_role("button", name="Log in").click()
        assert "not right" in await page.get_by_role("alert").inner_text()
        errors.clear()
        await page.get_by_label("Token").fill("s3cret-token")
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url(served.url + "/")
        assert await page.get_by_role("heading", name="Incidents").is_visible()
        assert errors == []


async def test_with_a_password_the_page_asks_for_the_user_too(serve: Serve) -> None:
    served = await serve(listen={"auth": {"basic": {"username": "ops", "password": "pässword: with colon"}}})
    html = {"accept": "text/html"}
    refused = await served.client.get("/v1/incidents")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="responder"')
    assert (await served.client.get("/", headers=html)).headers["location"] == "/login"
    assert 'name="user"' in (await served.client.get("/login")).text
    for wrong in ({"user": "ops", "token": "wrong"}, {"user": "", "token": "pässword: with colon"}):
        assert (await served.client.post("/login", data=wrong)).status_code == 401
    right = {"user": "ops", "token": "pässword: with colon"}
    assert (await served.client.post("/login", data=right)).status_code == 303
    assert (await served.client.get("/", headers=html)).status_code == 200, "the session counts"


async def test_a_form_without_its_token_is_refused(serve: Serve) -> None:
    served = await serve()
    one = await served.incident()
    answer = await served.client.post(
        f"/incidents/{one.id}/ack", data={"csrf": "guess"}, headers={"accept": "text/html"}
    )
    assert answer.status_code == 403
    assert (await served.now(one.id)).status.value == "open"
