"""The API's description: OpenAPI 3.1 from the routes and their shapes, and a page for people to read. No scripts.

The framework describes paths and parameters; requests, answers, problems, keys and roles come from each route's `opt`.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin

from safehand.house.front import KEY_CHARACTERS_MAX, KEY_CHARACTERS_MIN, Shown
from safehand.house.problems import MEDIA_TYPE, Problem

REF = "#/components/schemas/{name}"
PROBLEMS: Mapping[str, str] = {
    "400": "The request can't be read, or its Idempotency-Key is missing.",
    "401": "No session, or it has ended.",
    "403": "The session's role or city does not allow it.",
    "404": "There is nothing under this name, or it is not yours to see.",
    "409": "It can't be done now; `code` says why and `way_out` what to do.",
    "413": "The request is larger than is taken here.",
    "415": "The body is not application/json.",
    "422": "The Idempotency-Key was used for another request.",
    "429": "Too many requests; repeat it later with the same key.",
    "503": "A part can't be reached; repeat it with the same key.",
}
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own random key for this request. Repeat it to repeat safely: the request takes effect once.",
    "schema": {"type": "string", "minLength": KEY_CHARACTERS_MIN, "maxLength": KEY_CHARACTERS_MAX},
}
LANGUAGE_PARAMETER = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "`zh` or `en`: the language of problems.",
    "schema": {"type": "string"},
}


def described_by(
    *, title: str, handlers: Sequence[Any], anyone: str, signed_in: str
) -> Sequence[OpenAPIRenderPlugin]:
    """The plugins that answer `/schema/openapi.json` and `/schema`. `handlers` are those under /v1."""
    by_path = {f"/v1{path}": handler for handler in handlers for path in handler.paths}
    description = _Description(by_path=by_path, anyone=anyone, signed_in=signed_in)
    return [_Json(description), _Page(title=title, description=description)]


class _Description:
    """Makes the document once, at its first reading."""

    def __init__(self, *, by_path: Mapping[str, Any], anyone: str, signed_in: str) -> None:
        self._by_path, self._anyone, self._signed_in = by_path, anyone, signed_in
        self._made: dict[str, Any] | None = None

    def of(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The whole document, from the framework's one."""
        if self._made is None:
            self._made = self._make(base)
        return self._made

    def _make(self, base: Mapping[str, Any]) -> dict[str, Any]:
        shapes, components = _shapes(list(self._by_path.values()))
        paths = {
            path: {
                method: self._operation(path, operation, shapes) if path in self._by_path else operation
                for method, operation in item.items()
            }
            for path, item in base["paths"].items()
        }
        known = base.get("components", {}).get("schemas", {})
        return {
            **base,
            "paths": paths,
            "components": {
                "schemas": {**known, **components},
                "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
            },
        }

    def _operation(
        self, path: str, operation: Mapping[str, Any], shapes: Mapping[Any, Any]
    ) -> dict[str, Any]:
        opt = self._by_path[path].opt
        made = {name: value for name, value in operation.items() if name != "deprecated"}
        made["parameters"] = [
            *operation.get("parameters", []),
            *([KEY_PARAMETER] if opt.get("keyed") else []),
            LANGUAGE_PARAMETER,
        ]
        if "asks" in opt:
            schema = shapes[opt["asks"]]
            if "item" in opt:
                schema = {"allOf": [schema, {"properties": {"items": _items(shapes[opt["item"]])}}]}
            made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        roles = opt["roles"]
        if roles != self._anyone:
            made["security"] = [{"session": []}]
            made["x-roles"] = sorted(roles) if roles != self._signed_in else ["everybody who is signed in"]
        made["responses"] = {
            "200": {
                "description": "Done, or already so.",
                "content": {"application/json": {"schema": shapes[_answer(opt)]}},
            },
            **{
                status: {"description": text, "content": {MEDIA_TYPE: {"schema": shapes[Problem]}}}
                for status, text in PROBLEMS.items()
            },
        }
        return made


def _items(item: Any) -> dict[str, Any]:
    return {"items": {"properties": {"item": item}}}


def _answer(opt: Mapping[str, Any]) -> Any:
    """The shape of an answer: named, or what the function that shows it says that it returns."""
    shows = opt.get("shows")
    if shows is None:
        return Shown
    return shows if isinstance(shows, type) else get_type_hints(shows).get("return", Any)


def _shapes(handlers: Sequence[Any]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    wanted: dict[Any, None] = {Problem: None, Shown: None}
    for handler in handlers:
        wanted |= {handler.opt[name]: None for name in ("asks", "item") if name in handler.opt}
        wanted[_answer(handler.opt)] = None
    schemas, components = msgspec.json.schema_components(list(wanted), ref_template=REF)
    return dict(zip(wanted, schemas, strict=True)), components


class _Json(JsonRenderPlugin):
    """`/schema/openapi.json`."""

    def __init__(self, description: _Description) -> None:
        super().__init__()
        self._description = description

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document in JSON."""
        return msgspec.json.encode(self._description.of(openapi_schema))


class _Page(OpenAPIRenderPlugin):
    """`/schema`: every call with its roles, for people; nothing is loaded from elsewhere."""

    def __init__(self, *, title: str, description: _Description) -> None:
        super().__init__(path="/")
        self._title, self._description = title, description

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page in HTML."""
        rows = [
            f"<tr><td><code>{method.upper()} {html.escape(path)}</code></td>"
            f"<td>{html.escape(operation.get('summary') or '')}</td>"
            f"<td>{html.escape(', '.join(operation.get('x-roles', [])))}</td></tr>"
            for path, item in sorted(self._description.of(openapi_schema)["paths"].items())
            for method, operation in item.items()
        ]
        title = html.escape(self._title)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body>'
            f'<h1>{title}</h1><p>The whole description: <a href="/schema/openapi.json">openapi.json</a>.</p>'
            "<table><thead><tr><th>Call</th><th>What it does</th><th>Roles</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table></body></html>"
        ).encode()
