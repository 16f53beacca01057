"""Every page that links lead to, found by following them: so no page is left out of the figure because nobody listed it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp

FROM: Final = ("/", "/my", "/help")
PAGES_PER_VISITOR_MAX: Final = 400
_NAMED: Final = re.compile(r"/(?:[1-8][0-9]{5}|(?:ca|gr)_[A-Za-z0-9_-]{4,}|[a-z2-7]{24,}|[0-9]+)(?=/|$)")
_LEAVES: Final = ("/auth/", "/sign-in", "/sign-out", "/style", "/icon")
"""To the sign-in and back, and what is no page."""


class Linked(NamedTuple):
    """One page as one visitor has it. `kind`: its address without what names a thing."""

    kind: str
    address: str
    cookie: str


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Addresses of links and pictures."""
        named = dict(attrs)
        address = named.get({"a": "href", "img": "src"}.get(tag, ""))
        if address and "download" not in named:
            self.found.append(address)


def kind_of(address: str) -> str:
    """`/cases/310000/ca_abc/messages` -> `/cases/…/…/messages`."""
    return _NAMED.sub("/…", urlsplit(address).path) or "/"


async def linked_from(*, home: str, cookies: Sequence[str]) -> list[Linked]:
    """What each of these visitors comes to by links, and is a page there (200). `home`: the authority's address."""
    found: list[Linked] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        for cookie in cookies:
            found += await _of_one(client, home, cookie)
    return found


async def _of_one(client: aiohttp.ClientSession, home: str, cookie: str) -> list[Linked]:
    waiting, seen, found = deque[str](FROM), set[str](FROM), list[Linked]()
    headers = {"cookie": cookie, "accept": "text/html", "accept-language": "zh-CN"}
    while waiting and len(seen) < PAGES_PER_VISITOR_MAX:
        address = waiting.popleft()
        async with client.get(f"{home}{address}", headers=headers, allow_redirects=False) as answer:
            body = await answer.read()
            if answer.status != 200:
                continue
        found.append(Linked(kind_of(address), address, cookie))
        if answer.content_type != "text/html":
            continue
        links = _Links()
        links.feed(body.decode())
        for link in links.found:
            there = urlsplit(urljoin(f"{home}{address}", link))
            path = there.path or "/"
            own = f"{there.scheme}://{there.netloc}" == home and not path.startswith(_LEAVES)
            # The page in the other language, and a list's other pages, are the same page.
            if own and path not in seen:
                seen.add(path)
                waiting.append(path)
    return found
