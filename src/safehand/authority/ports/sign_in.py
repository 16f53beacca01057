"""The port to the real-person sign-in: an OpenID Connect relying party (code flow, PKCE, checked ID token)."""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from safehand.authority.ports.calling import ServiceCaller, ServiceFault, code_of
from safehand.authority.ports.refusals import (
    ASSURANCE_TOO_LOW,
    NOT_PROVEN_ANEW,
    SIGN_IN_DECLINED,
    SIGN_IN_FAILED,
)
from safehand.authority.ports.sign_in_ways import assurances_on
from safehand.kernel.ids import Ids, readable
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.working_days import local_day

ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519")
"""What an ID token may be signed with: asymmetric only, so that a client secret can never pass for a key."""
LOCALES: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en"}
"""Languages as the sign-in service is asked for them (`ui_locales`, BCP 47)."""
DISCOVERY_KEPT_SECONDS: Final = 3_600
KEYS_ASKED_AGAIN_SECONDS: Final = 60
CLOCK_LEEWAY_SECONDS: Final = 60
ID_TOKEN_AGE_SECONDS_MAX: Final = 900
ID_TOKEN_LENGTH_MAX: Final = 8_000
KEYS_MAX: Final = 20


class SignInBegun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way. Keep all but the address in the visitor's session: they bind the answer to this browser."""

    address: str
    state: str
    nonce: str
    code_verifier: str
    fresh_since: datetime | None = None
    """The person must prove it anew, not before this moment; none: an earlier sign-in at the service is enough."""


class SignInAsked(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to sign in. `assurance`: what the service should reach (`acr_values`); empty leaves the choice to it."""

    assurance: str = ""
    language: Language = "zh"
    fresh: bool = False
    """The person must prove it now, also if the service still knows them."""


class ProvenPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in. `subject` is opaque and lasting; the rest is personal and belongs into the vault."""

    subject: str
    assurance: str
    signed_in_at: datetime
    name: str
    resident_id_number: str
    phone: str


ANYHOW: Final = SignInAsked()
"""However the service likes, in Chinese."""


class SignIn(Protocol):
    """What the authority asks of the sign-in. May raise `ServiceUnavailable`, `ServiceFault`."""

    async def begin(self, *, basis: str, now: datetime, asked: SignInAsked = ANYHOW) -> SignInBegun:
        """Where to send the visitor, and what to keep until they are back; `basis` as for the ids port."""
        ...

    async def finish(
        self, *, begun: SignInBegun, answer: Mapping[str, str], now: datetime
    ) -> ProvenPerson | Refusal:
        """Who the visitor is, from the parameters they came back with; or why not."""
        ...


class _Discovery(msgspec.Struct, frozen=True, kw_only=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    token_type: str
    id_token: str


class _UserInfo(msgspec.Struct, frozen=True, kw_only=True):
    sub: str
    name: str
    resident_id_number: str
    phone_number: str = ""


class _OAuthError(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""


class OidcSignIn:
    """The sign-in by OpenID Connect. One instance serves all visitors; it keeps discovery and keys for a while."""

    def __init__(
        self,
        *,
        caller: ServiceCaller,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        ids: Ids,
        live: bool,
    ) -> None:
        self._caller = caller
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._ids = ids
        self._live = live
        self._discovery: tuple[_Discovery, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def begin(self, *, basis: str, now: datetime, asked: SignInAsked = ANYHOW) -> SignInBegun:
        """See `SignIn.begin`."""
        discovery = await self._discovered(now=now)
        state, nonce, code_verifier = (
            readable(self._ids.token(basis=f"sign-in\x1f{part}\x1f{basis}"))
            for part in ("state", "nonce", "verifier")
        )
        digest = hashlib.sha256(code_verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "acr_values": asked.assurance or " ".join(sorted(assurances_on(local_day(now)))),
            "ui_locales": LOCALES[asked.language],
        }
        if asked.fresh:
            # OIDC Core §3.1.2.1: with an age of 0 the service must ask the person again.
            query["max_age"] = "0"
        joint = "&" if urlsplit(discovery.authorization_endpoint).query else "?"
        return SignInBegun(
            address=f"{discovery.authorization_endpoint}{joint}{urlencode(query)}",
            state=state,
            nonce=nonce,
            code_verifier=code_verifier,
            fresh_since=now if asked.fresh else None,
        )

    async def finish(
        self, *, begun: SignInBegun, answer: Mapping[str, str], now: datetime
    ) -> ProvenPerson | Refusal:
        """See `SignIn.finish`."""
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            return SIGN_IN_FAILED(reason="state")
        # RFC 9207: the answer must come from the provider that was asked.
        if answer.get("iss", self._issuer) != self._issuer:
            return SIGN_IN_FAILED(reason="issuer")
        if answer.get("error") == "access_denied":
            return SIGN_IN_DECLINED()
        if "error" in answer or not answer.get("code"):
            return SIGN_IN_FAILED(reason="no_code")
        discovery = await self._discovered(now=now)
        tokens = await self._exchanged(discovery, code=answer["code"], code_verifier=begun.code_verifier)
        if isinstance(tokens, Refusal):
            return tokens
        claims = await self._checked_claims(discovery, tokens.id_token, nonce=begun.nonce, now=now)
        if isinstance(claims, Refusal):
            return claims
        if claims.get("acr") not in assurances_on(local_day(now)):
            return ASSURANCE_TOO_LOW()
        proven_at = _proven_at(claims, fresh_since=begun.fresh_since, now=now)
        if isinstance(proven_at, Refusal):
            return proven_at
        return await self._person(discovery, tokens, claims, proven_at=proven_at)

    async def _exchanged(self, discovery: _Discovery, *, code: str, code_verifier: str) -> _Tokens | Refusal:
        """The code for tokens: once, never repeated, because a second use would take back the first (RFC 6749)."""
        credentials = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"
        answer = await self._caller.call(
            method="POST",
            path=discovery.token_endpoint,
            form={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": code_verifier,
            },
            headers={"authorization": f"Basic {b64encode(credentials.encode()).decode()}"},
            repeatable=False,
        )
        if answer.status == 200:
            tokens = self._caller.decoded(answer, shape=_Tokens)
            if tokens.token_type.lower() != "bearer" or len(tokens.id_token) > ID_TOKEN_LENGTH_MAX:
                raise ServiceFault(service=self._caller.service, reason="tokens of an unknown kind")
            return tokens
        error = self._caller.decoded(answer, shape=_OAuthError).error
        if error == "invalid_grant":
            return SIGN_IN_FAILED(reason="code")
        raise ServiceFault(
            service=self._caller.service, reason=f"token endpoint answered {error or code_of(answer)}"
        )

    async def _checked_claims(
        self, discovery: _Discovery, id_token: str, *, nonce: str, now: datetime
    ) -> dict[str, Any] | Refusal:
        """The claims of an ID token that is genuine, ours, fresh and of this sign-in (OIDC Core §3.1.3.7)."""
        claims: dict[str, Any] | None = None
        for fresh in (False, True):
            keys = await self._key_set(discovery, fresh=fresh, now=now)
            try:
                claims = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims
                break
            except (JoseError, ValueError):
                # Perhaps signed with a key that is newer than ours: ask once more, then refuse.
                continue
        if claims is None:
            return SIGN_IN_FAILED(reason="signature")
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=CLOCK_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except JoseError as defect:
            return SIGN_IN_FAILED(reason=str(getattr(defect, "claim", None) or defect.error)[:40])
        if claims.get("aud") not in (self._client_id, [self._client_id]):
            return SIGN_IN_FAILED(reason="aud")
        if claims.get("azp", self._client_id) != self._client_id:
            return SIGN_IN_FAILED(reason="azp")
        if now.timestamp() - claims["iat"] > ID_TOKEN_AGE_SECONDS_MAX:
            return SIGN_IN_FAILED(reason="iat")
        return claims

    async def _person(
        self, discovery: _Discovery, tokens: _Tokens, claims: Mapping[str, Any], *, proven_at: datetime
    ) -> ProvenPerson | Refusal:
        answer = await self._caller.call(
            method="GET",
            path=discovery.userinfo_endpoint,
            headers={"authorization": f"Bearer {tokens.access_token}"},
        )
        if answer.status != 200:
            return SIGN_IN_FAILED(reason="userinfo")
        person = self._caller.decoded(answer, shape=_UserInfo)
        # OIDC Core §5.3.2: facts of another subject would be somebody else's.
        if person.sub != claims["sub"]:
            return SIGN_IN_FAILED(reason="sub")
        return ProvenPerson(
            subject=person.sub,
            assurance=str(claims["acr"]),
            signed_in_at=proven_at,
            name=person.name,
            resident_id_number=person.resident_id_number,
            phone=person.phone_number,
        )

    async def _discovered(self, *, now: datetime) -> _Discovery:
        if self._discovery and now - self._discovery[1] < timedelta(seconds=DISCOVERY_KEPT_SECONDS):
            return self._discovery[0]
        found = await self._caller.read(
            method="GET", path=f"{self._issuer}/.well-known/openid-configuration", shape=_Discovery
        )
        # Discovery §4.3: another issuer's document would let it speak for ours.
        if found.issuer != self._issuer:
            raise ServiceFault(service=self._caller.service, reason="discovery names another issuer")
        addresses = (
            found.authorization_endpoint,
            found.token_endpoint,
            found.userinfo_endpoint,
            found.jwks_uri,
        )
        if self._live and not all(address.startswith("https://") for address in addresses):
            raise ServiceFault(service=self._caller.service, reason="discovery names an unencrypted address")
        self._discovery = (found, now)
        return found

    async def _key_set(self, discovery: _Discovery, *, fresh: bool, now: datetime) -> KeySet:
        if self._keys:
            age = now - self._keys[1]
            if age < timedelta(seconds=KEYS_ASKED_AGAIN_SECONDS if fresh else DISCOVERY_KEPT_SECONDS):
                return self._keys[0]
        found = await self._caller.read(method="GET", path=discovery.jwks_uri, shape=dict[str, Any])
        listed = found.get("keys")
        if not isinstance(listed, list) or not 1 <= len(listed) <= KEYS_MAX:
            raise ServiceFault(service=self._caller.service, reason="no keys, or too many")
        try:
            keys = KeySet.import_key_set({"keys": listed})
        except (JoseError, ValueError, TypeError, KeyError):
            raise ServiceFault(service=self._caller.service, reason="keys that can't be read") from None
        self._keys = (keys, now)
        return keys


def _proven_at(
    claims: Mapping[str, Any], *, fresh_since: datetime | None, now: datetime
) -> datetime | Refusal:
    """When the person proved who they are. Who was asked for a fresh proof must say when it was (OIDC Core §3.1.3.7, 13)."""
    said = claims.get("auth_time", claims["iat"] if fresh_since is None else None)
    latest = now.timestamp() + CLOCK_LEEWAY_SECONDS
    earliest = 0.0 if fresh_since is None else fresh_since.timestamp() - CLOCK_LEEWAY_SECONDS
    # A bool is an int to Python; a far number is no moment that `datetime` knows.
    if type(said) is not int or not 0 < said <= latest:
        return SIGN_IN_FAILED(reason="auth_time")
    if said < earliest:
        return NOT_PROVEN_ANEW()
    return datetime.fromtimestamp(said, UTC)
