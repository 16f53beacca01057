"""Whatever is sent: a problem document that says what is wrong and the way out, never a 5xx, and nothing changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from safehand.house.front import Action
from safehand.house.routes import BATCH_ITEMS_MAX
from safehand.kernel.outcome import all_refusal_kinds
from tests.house.living import Living, new_key
from tests.house.made_items import HOSTILE, hostile, whole

pytestmark = pytest.mark.slow
HOUSES = ("authority", "post")
MEMORY_BYTES_MORE_MAX = 60_000_000
REFUSED = range(400, 500)


def _token(living: Living, house: str, action: Action) -> str:
    role = min(action.roles)
    return living.applicant(50)[0] if role == "applicant" else living.staff(house, role)


def _is_problem(answer: httpx.Response, *, status: int | None = None, code: str | None = None) -> None:
    what = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["content-type"].startswith("application/problem+json"), what
    body = answer.json()
    _is_whole(body)
    assert body["status"] == answer.status_code, what
    assert status in (None, answer.status_code), what
    assert code in (None, body["code"]), what


def _is_whole(problem: dict[str, Any]) -> None:
    known = {kind.code for kind in all_refusal_kinds()}
    assert problem["code"] in known, problem
    assert problem["status"] in REFUSED, problem
    assert problem["type"] == f"urn:safehand:problem:{problem['code']}"
    assert problem["title"].strip()
    assert problem["way_out"].strip()


RAW: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("half", b'{"city": 3100'),
    ("array", b"[]"),
    ("text", b'"x"'),
    ("null", b"null"),
    ("not a number", b'{"city": NaN}'),
    ("endless number", b'{"city": 1e999}'),
    ("many digits", b'{"city": ' + b"9" * 5_000 + b"}"),
    ("lone surrogate", b'{"city": "\\ud800"}'),
    ("bad UTF-8", b'{"city": "\xed\xa0\x80"}'),
    ("NUL", b'{"city": "\\u0000"}'),
    ("raw NUL", b'{"city": "\x00"}'),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("deep list", b"[" * 10_000 + b"]" * 10_000),
    ("deep object", b'{"city":' * 10_000 + b"1" + b"}" * 10_000),
    ("deep in a field that is none", b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
)


@pytest.mark.parametrize("house", HOUSES)
def test_unreadable_bodies_of_every_action_are_refused(living: Living, house: str) -> None:
    before = living.written(house)
    for action in living.actions[house].values():
        headers = {"authorization": f"Bearer {_token(living, house, action)}", "idempotency-key": new_key()}
        url = living.url(house, f"/v1/{action.name.replace('.', '/')}")
        for name, body in RAW:
            for path in (url, f"{url}/batch"):
                answer = living.client.post(
                    path, content=body, headers=headers | {"content-type": "application/json"}
                )
                assert answer.status_code == 400, (name, path, answer.text[:200])
                _is_problem(answer, code="request.invalid")
    assert living.written(house) == before


@pytest.mark.parametrize("house", HOUSES)
def test_hostile_values_in_every_field_of_every_action_change_nothing(living: Living, house: str) -> None:
    city = 310000
    for action in living.actions[house].values():
        token = _token(living, house, action)
        before = living.written(house)
        wrong = list(hostile(action.asks, city=city))
        accepted = 0
        for some in _slices(wrong):
            body = {"items": [{"key": new_key(), "item": item} for _, item in some]}
            answer = living.post(house, action.name, body, token, batch=True)
            assert answer.status_code == 200, (action.name, answer.text[:300])
            for (field, item), outcome in zip(some, answer.json()["outcomes"], strict=True):
                problem = outcome.get("problem")
                what = (action.name, field, str(item)[:200], outcome)
                if problem is None:
                    # What fits the shape may be done; what does not fit must not be.
                    msgspec.convert(item, action.asks)
                    accepted += 1
                    continue
                assert problem["status"] in REFUSED, what
                _is_whole(problem)
        if not accepted:
            assert living.written(house) == before, action.name


def _slices(wrong: list[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """Pieces of a batch whose bodies are small enough; NUL is refused for the whole body, so it goes alone."""
    piece: list[tuple[str, Any]] = []
    size = 0
    for one in wrong:
        text = json.dumps(one[1], ensure_ascii=False)
        if "\\u0000" in text:
            continue
        if size + len(text.encode()) > 1_000_000:
            yield piece
            piece, size = [], 0
        piece.append(one)
        size += len(text.encode())
    yield piece


@pytest.mark.parametrize("house", HOUSES)
def test_a_wrong_field_is_named_in_both_languages(living: Living, house: str) -> None:
    for action in living.actions[house].values():
        token = _token(living, house, action)
        item = whole(action.asks) | {"city": "x"}
        said = {
            language: living.post(house, action.name, item, token, language=language)
            for language in (
                "zh",
                "en",
                "zh-CN,zh;q=0.9,en;q=0.8",
                "en-US,en;q=0.9,zh;q=0.1",
                "fr",
                "en;q=0.2, zh",
            )
        }
        for answer in said.values():
            _is_problem(answer, status=400, code="request.invalid")
            assert "$.city" in answer.json()["title"]
        chinese = {language for language, answer in said.items() if "无法读取" in answer.json()["title"]}
        assert chinese == {"zh", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.2, zh"}
        assert all(said[language].headers["content-language"] == "zh" for language in chinese)


@pytest.mark.parametrize("house", HOUSES)
def test_only_json_is_taken(living: Living, house: str) -> None:
    for action in living.actions[house].values():
        headers = {"authorization": f"Bearer {_token(living, house, action)}", "idempotency-key": new_key()}
        body = json.dumps(whole(action.asks)).encode()
        for media in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
            "json",
        ):
            for tail in ("", "/batch"):
                answer = living.client.post(
                    living.url(house, f"/v1/{action.name.replace('.', '/')}{tail}"),
                    content=body,
                    headers=headers | ({"content-type": media} if media else {}),
                )
                _is_problem(answer, status=415, code="request.media_type")


@pytest.mark.parametrize("house", HOUSES)
def test_a_request_without_a_usable_key_is_refused(living: Living, house: str) -> None:
    before = living.written(house)
    for action in living.actions[house].values():
        url = living.url(house, f"/v1/{action.name.replace('.', '/')}")
        token = _token(living, house, action)
        for key in (
            None,
            b"",
            b"short",
            b"x" * 101,
            "钥匙钥匙钥匙".encode(),
            b"with\ttabulator",
            b"\xff" * 20,
        ):
            headers: dict[str, Any] = {"authorization": f"Bearer {token}"}
            if key is not None:
                headers["idempotency-key"] = key
            answer = living.client.post(url, json=whole(action.asks), headers=headers)
            _is_problem(answer, status=400, code="request.key_missing")
        keys = ["", "short", "x" * 101, "钥匙钥匙钥匙钥匙", "line\nbreak-here"]
        items = [{"key": key, "item": whole(action.asks)} for key in keys]
        outcomes = living.post(house, action.name, {"items": items}, token, batch=True).json()["outcomes"]
        assert [one["problem"]["code"] for one in outcomes] == ["request.key_missing"] * len(keys)
    assert living.written(house) == before


def test_the_same_key_for_another_request_is_refused(living: Living) -> None:
    token, item = living.applicant(51)
    key = new_key()
    assert living.post("authority", "application.submit", item, token, key=key).status_code == 200
    before = living.written("authority")
    answer = living.post(
        "authority", "application.submit", item | {"email": "other@example.com"}, token, key=key
    )
    _is_problem(answer, status=422, code="request.key_reused")
    assert living.written("authority") == before


@pytest.mark.parametrize("house", HOUSES)
def test_other_methods_and_unknown_paths_are_problems(living: Living, house: str) -> None:
    for action in living.actions[house].values():
        url = living.url(house, f"/v1/{action.name.replace('.', '/')}")
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = living.client.request(method, url)
            _is_problem(answer, status=405, code="request.method_not_allowed")
    for path in (
        "/v1",
        "/v1/nothing",
        "/v1/application",
        "/v1/a/b/c/d",
        "/v1/%00",
        "/v1/../etc",
        "/control",
        "/link/x",
    ):
        answer = living.client.get(living.url(house, path), headers={"accept": "application/json"})
        _is_problem(answer, status=404, code="request.not_found")


@pytest.mark.parametrize("query", ["city=1", "city=99999999999999999999", "city=x", "limit=0", "limit=1e9", "narrowed=%00", f"narrowed={'x' * 500}"])  # fmt: skip
def test_hostile_queries_of_worklists_are_refused(living: Living, query: str) -> None:
    headers = {"authorization": f"Bearer {living.staff('authority', 'examiner')}"}
    url = living.url("authority", f"/v1/worklists/examination.reviewing?{query}")
    answer = living.client.get(url, headers=headers)
    assert answer.status_code in (400, 404), answer.text
    _is_problem(answer)


def _megabytes(number: int) -> Iterator[bytes]:
    yield b'{"city": "'
    for _ in range(number):
        yield b"x" * 1_000_000
    yield b'"}'


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_hundred_megabytes_are_refused_quickly_and_in_bounded_memory(
    living: Living, signed_in: bool
) -> None:
    process = next(one for one in living.processes.running if one.name == "authority")
    token = living.applicant(52)[0] if signed_in else "no-such-token"
    headers = {
        "authorization": f"Bearer {token}",
        "idempotency-key": new_key(),
        "content-type": "application/json",
    }
    before, began = process.peak_rss_bytes(), time.monotonic()
    try:
        answer = living.client.post(
            living.url("authority", "/v1/application/submit"), content=_megabytes(100), headers=headers
        )
        _is_problem(answer, status=413 if signed_in else 401)
    except httpx.WriteError:
        # The house may hang up on whoever goes on talking after the answer.
        pass
    assert time.monotonic() - began < 10
    assert process.peak_rss_bytes() - before < MEMORY_BYTES_MORE_MAX
    assert living.client.get(living.url("authority", "/health")).status_code == 200


def test_a_batch_with_too_many_items_is_refused(living: Living) -> None:
    token, _ = living.applicant(53)
    items = [{"key": f"many-{number}", "item": {"city": 1}} for number in range(BATCH_ITEMS_MAX + 1)]
    _is_problem(
        living.post("authority", "application.submit", {"items": items}, token, batch=True), status=413
    )


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("house", HOUSES)
def test_no_combination_of_values_breaks_an_action(living: Living, house: str) -> None:
    actions = sorted(living.actions[house].values(), key=lambda action: action.name)
    tokens = {action.name: _token(living, house, action) for action in actions}

    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(st.sampled_from(actions), st.data())
    def breaks_nothing(action: Action, data: st.DataObject) -> None:
        item = whole(action.asks)
        names = data.draw(st.lists(st.sampled_from(sorted(item)), min_size=1, max_size=3))
        for name in names:
            item[name] = data.draw(_ANY | st.sampled_from(HOSTILE[:14]))
        answer = living.post(house, action.name, json.loads(json.dumps(item)), tokens[action.name])
        assert answer.status_code == 200 or answer.status_code in REFUSED, (item, answer.text)
        if answer.status_code != 200:
            _is_problem(answer)

    breaks_nothing()
