"""Reads an authorization request and says what is wrong with it (OpenID Connect Core §3.1.2, RFC 7636, RFC 9700)."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from safehand.sandbox.settings import ClientSettings
from safehand.sandbox.sign_in import refusals
from safehand.sandbox.web import Refused

PARAMETER_LENGTH_MAX: Final = 1_000
ASSURANCES: Final = {
    "high": "urn:safehand:assurance:high",
    "card": "urn:safehand:assurance:high:card",
    "bank": "urn:safehand:assurance:high:bank",
    "low": "urn:safehand:assurance:low",
}
"""How closely was looked: `high` compared a live face, `card` read the ID card's chip by phone, `bank` had the bank compare and send
a code; `low` is a password alone. Relying parties must ask which."""
METHODS: Final = {"high": ["face"], "card": ["sc"], "bank": ["sms"], "low": ["pwd"]}
"""The same in the words of RFC 8176 (`amr`)."""
_AGE: Final = re.compile(r"[0-9]{1,10}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class AuthorizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A sound request. `assurance` and a login hint with `prompt=none` are the sandbox's way to sign in by script."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    login_hint: str
    prompt: str
    assurance: str
    ui_locales: str = ""

    def fields(self) -> dict[str, str]:
        """What the chooser's form sends back."""
        kept = {
            name: getattr(self, name)
            for name in self.__struct_fields__
            if name not in {"prompt", "login_hint"}
        }
        return kept | {"response_type": "code", "code_challenge_method": "S256"}


class RequestError(Exception):
    """A defect to be told to the relying party by redirect, with an error code of OAuth 2.0 or OpenID Connect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def single_values(pairs: Iterable[tuple[str, object]]) -> tuple[dict[str, str], str]:
    """The parameters by name, and the name of one that is given twice or too long (else empty)."""
    values: dict[str, str] = {}
    broken = ""
    for name, value in pairs:
        if name in values or len(str(value)) > PARAMETER_LENGTH_MAX:
            broken = name[:40]
        values.setdefault(name, str(value)[:PARAMETER_LENGTH_MAX])
    return values, broken


def client_of(
    values: Mapping[str, str], *, clients: Mapping[str, ClientSettings]
) -> tuple[ClientSettings, str]:
    """The client and where to send the person back to. Raises `Refused`: nobody is redirected to an unknown place."""
    client = clients.get(values.get("client_id", ""))
    if client is None:
        raise Refused(refusals.UNKNOWN_CLIENT())
    redirect_uri = values.get("redirect_uri", "")
    # Letter by letter (RFC 9700 §2.1): no prefixes, no patterns, no other port.
    if redirect_uri not in client.redirect_uris:
        raise Refused(refusals.UNKNOWN_REDIRECT())
    return client, redirect_uri


def authorize_request_of(values: Mapping[str, str], *, broken: str) -> AuthorizeRequest:
    """The request behind the parameters. Raises `RequestError` with the first defect."""
    for error, description, holds in _requirements(values, broken=broken):
        if not holds:
            raise RequestError(error, description)
    return AuthorizeRequest(
        client_id=values["client_id"],
        redirect_uri=values["redirect_uri"],
        scope=values["scope"],
        state=values["state"],
        nonce=values["nonce"],
        code_challenge=values["code_challenge"],
        login_hint=values.get("login_hint", ""),
        prompt=values.get("prompt", ""),
        assurance=_assurance_of(values),
        ui_locales=values.get("ui_locales", ""),
    )


def _assurance_of(values: Mapping[str, str]) -> str:
    """What was chosen here, else the first that the relying party asks for and we know (`acr_values`), else the highest."""
    if "assurance" in values:
        return values["assurance"]
    known = {urn: name for name, urn in ASSURANCES.items()}
    return next((known[urn] for urn in values.get("acr_values", "").split() if urn in known), "high")


def _requirements(values: Mapping[str, str], *, broken: str) -> tuple[tuple[str, str, bool], ...]:
    """Error code, description and whether it holds, of everything that a request must keep to."""
    with_pkce = values.get("code_challenge_method") == "S256" and bool(
        _CHALLENGE.fullmatch(values.get("code_challenge", ""))
    )
    return (
        ("invalid_request", f"parameter {broken} is given twice or is too long", not broken),
        ("unsupported_response_type", "response_type must be code", values.get("response_type") == "code"),
        ("invalid_scope", "scope must contain openid", "openid" in values.get("scope", "").split()),
        ("request_not_supported", "request is not supported", "request" not in values),
        ("request_uri_not_supported", "request_uri is not supported", "request_uri" not in values),
        ("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256", with_pkce),
        ("invalid_request", "state is required", bool(values.get("state"))),
        ("invalid_request", "nonce is required", bool(values.get("nonce"))),
        ("invalid_request", "prompt is none or login", values.get("prompt", "") in {"", "none", "login"}),
        (
            "invalid_request",
            f"assurance is one of {', '.join(ASSURANCES)}",
            values.get("assurance", "high") in ASSURANCES,
        ),
        # Nobody stays signed in here: every sign-in is new, whatever age is asked for.
        (
            "invalid_request",
            "max_age is a number of seconds",
            _AGE.fullmatch(values.get("max_age", "0")) is not None,
        ),
    )
