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
from safehand.authority.ports.refusals import ASSURANCE_TOO_LOW, SIGN_IN_DECLINED, SIGN_IN_FAILED
from safehand.kernel.ids import Ids, readable
from safehand.kernel.outcome import Refusal

ALGORITHMS: Final = ("ES256", "EdDSA", "Ed25519")
"""What an ID token may be signed with: asymmetric only, so that a client secret can never pass for a key."""
ASSURANCE_HIGH: Final = "urn:safehand:assurance:high"
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


class ProvenPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in. `subject` is opaque and lasting; the rest is personal and belongs into the vault."""

    subject: str
    assurance: str
    signed_in_at: datetime
    name: str
    resident_id_number: str
    phone: str


class SignIn(Protocol):
    """What the authority asks of the sign-in. May raise `ServiceUnavailable`, `ServiceFault`."""

    async def begin(self, *, basis: str, now: datetime, login_hint: str = "") -> SignInBegun:
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

    async def begin(self, *, basis: str, now: datetime, login_hint: str = "") -> SignInBegun:
        """See `SignIn.begin`."""
        discovery = await self._discovered(now=now)
        state, nonce, code_verifier = (
            readable(self._ids.token(basis=f"sign-in\x1f{part}\x1f{basis}"))
            for part in ("state", "nonce", "verifier")
        )
        digest = hashlib.sha256(code_verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "acr_values": ASSURANCE_HIGH,
        }
        if login_hint:
            asked["login_hint"] = login_hint
        joint = "&" if urlsplit(discovery.authorization_endpoint).query else "?"
        return SignInBegun(
            address=f"{discovery.authorization_endpoint}{joint}{urlencode(asked)}",
            state=state,
            nonce=nonce,
            code_verifier=code_verifier,
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
        if claims.get("acr") != ASSURANCE_HIGH:
            return ASSURANCE_TOO_LOW()
        return await self._person(discovery, tokens, claims, now=now)

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
        self, discovery: _Discovery, tokens: _Tokens, claims: Mapping[str, Any], *, now: datetime
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
        signed_in = claims.get("auth_time", claims["iat"])
        if not isinstance(signed_in, int):
            return SIGN_IN_FAILED(reason="auth_time")
        return ProvenPerson(
            subject=person.sub,
            assurance=str(claims["acr"]),
            signed_in_at=datetime.fromtimestamp(signed_in, UTC),
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
