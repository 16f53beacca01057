"""The sign-in over HTTP: discovery, keys, the chooser's page, codes, tokens, the person's facts (OpenID Connect Core 1.0)."""

import hashlib
import hmac
from base64 import b64decode
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from litestar import Response, get, post

from safehand.kernel.clock import Clock
from safehand.kernel.ids import Ids, readable
from safehand.kernel.outcome import Language
from safehand.sandbox import refusals as shared_refusals
from safehand.sandbox.key_files import write_secret
from safehand.sandbox.settings import ClientSettings, SignInSettings
from safehand.sandbox.sign_in import refusals
from safehand.sandbox.sign_in.asking import (
    ASSURANCES,
    METHODS,
    AuthorizeRequest,
    RequestError,
    authorize_request_of,
    client_of,
    single_values,
)
from safehand.sandbox.sign_in.grants import TOKEN_SECONDS, Grant, Grants
from safehand.sandbox.sign_in.people import People, SignInPerson
from safehand.sandbox.web import (
    AnyRequest,
    Refused,
    build_app,
    form_of,
    json_answer,
    language_of,
    page,
    redirect,
)

ID_TOKEN_SECONDS: Final = 300
KEY_BYTES_MAX: Final = 4_000
ALGORITHM: Final = "ES256"


class SignInService:
    """Lets anybody be anybody of the cast, by the protocol of a service which looks closely."""

    name = "sign_in"

    def __init__(
        self,
        *,
        settings: SignInSettings,
        people: People,
        subject_seed: str,
        folder: Path,
        base_url: str,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._issuer = settings.issuer or base_url
        self._base_url = base_url
        self._clients: dict[str, ClientSettings] = {client.client_id: client for client in settings.clients}
        self._people = people
        self._clock = clock
        self._grants = Grants(ids=ids)
        self._key = _signing_key(folder / "sign-in-key.pem")
        self._subject_key = hashlib.sha256(f"sign-in subjects\x1f{subject_seed}".encode()).digest()
        origins = sorted({_origin(uri) for client in settings.clients for uri in client.redirect_uris})
        self.app = build_app(
            name=self.name,
            clock=clock,
            form_targets=origins,
            handlers=[
                get("/.well-known/openid-configuration")(self.discovery),
                get("/jwks")(self.jwks),
                get("/authorize")(self.authorize),
                post("/authorize")(self.choose),
                post("/token")(self.token),
                get("/userinfo")(self.userinfo),
            ],
        )

    def ready_facts(self) -> dict[str, str | int]:
        """Where relying parties find everything else."""
        return {"address": self._base_url, "issuer": self._issuer}

    async def run(self) -> None:
        """Nothing goes on in the background."""

    def stop(self) -> None:
        """No request is held back here."""

    def close(self) -> None:
        """Nothing is open."""

    async def discovery(self, request: AnyRequest) -> Response[bytes]:
        """GET /.well-known/openid-configuration (OpenID Connect Discovery 1.0 §3)."""
        return json_answer(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "userinfo_endpoint": f"{self._issuer}/userinfo",
                "jwks_uri": f"{self._issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "scopes_supported": ["openid", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "claims_supported": ["sub", "name", "phone_number", "resident_id_number"],
                "acr_values_supported": sorted(ASSURANCES.values()),
                "prompt_values_supported": ["none", "login"],
                "ui_locales_supported": ["zh-CN", "en"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: AnyRequest) -> Response[bytes]:
        """GET /jwks: the public half of the signing key (RFC 7517)."""
        return json_answer(KeySet([self._key]).as_dict(private=False))

    async def authorize(self, request: AnyRequest) -> Response[bytes]:
        """GET /authorize: the page to choose a person from, or with a hint and `prompt=none` straight back."""
        values, broken = single_values(request.query_params.multi_items())
        _, redirect_uri = client_of(values, clients=self._clients)
        try:
            asked = authorize_request_of(values, broken=broken)
            if asked.prompt != "none":
                return self._chooser(request, asked)
            person = self._people.find(login_hint=asked.login_hint) if asked.login_hint else None
            if person is None:
                raise RequestError("login_required", "prompt=none needs a login_hint that the sandbox knows")
            return self._signed_in(asked, person)
        except RequestError as defect:
            return self._send_back(redirect_uri, values.get("state", ""), error=defect)

    async def choose(self, request: AnyRequest) -> Response[bytes]:
        """POST /authorize: somebody was chosen on the page."""
        values = await form_of(request)
        _, redirect_uri = client_of(values, clients=self._clients)
        try:
            asked = authorize_request_of(values, broken=single_values(values.items())[1])
            if values.get("answer") == "cancel":
                raise RequestError("access_denied", "the person did not sign in")
            person = self._people.find(login_hint=values.get("person", "") or values.get("number", ""))
            if person is None:
                raise Refused(refusals.NOBODY_OF_THAT_NAME())
            return self._signed_in(asked, person)
        except RequestError as defect:
            return self._send_back(redirect_uri, values.get("state", ""), error=defect)

    async def token(self, request: AnyRequest) -> Response[bytes]:
        """POST /token: a code for an ID token and an access token, once."""
        fields = await form_of(request)
        client = self._authenticated(request, fields)
        if client is None:
            return _token_error("invalid_client", status=401)
        if fields.get("grant_type") != "authorization_code":
            return _token_error("unsupported_grant_type")
        if not fields.get("code") or not fields.get("code_verifier"):
            return _token_error("invalid_request")
        now = self._clock.now()
        exchanged = self._grants.exchange(
            code=fields["code"],
            client_id=client.client_id,
            redirect_uri=fields.get("redirect_uri", ""),
            code_verifier=fields["code_verifier"],
            now=now,
        )
        if exchanged is None:
            return _token_error("invalid_grant")
        grant, access_token = exchanged
        return json_answer(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": grant.scope,
                "id_token": self._id_token(grant),
            }
        )

    async def userinfo(self, request: AnyRequest) -> Response[bytes]:
        """GET /userinfo: name, phone and resident ID number of the person who signed in; the ID token has none of it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = (
            self._grants.grant_of(token=token, now=self._clock.now()) if scheme.lower() == "bearer" else None
        )
        person = self._people.find(login_hint=grant.person_key) if grant else None
        if grant is None or person is None:
            raise Refused(refusals.TOKEN_NOT_VALID())
        return json_answer(
            {
                "sub": self._subject(grant),
                "name": person.name,
                "phone_number": person.phone,
                "resident_id_number": person.resident_id_number,
            }
        )

    def _chooser(self, request: AnyRequest, asked: AuthorizeRequest) -> Response[bytes]:
        language = _language_of(request, asked)
        query = {name: str(value) for name, value in request.query_params.multi_items()}
        other = urlencode(query | {"lang": "en" if language == "zh" else "zh"})
        return page(
            "sign_in.html",
            language=language,
            other_language=f"/authorize?{other}",
            people=self._people.to_choose_from(),
            fields=asked.fields(),
            chosen=asked.login_hint,
        )

    def _signed_in(self, asked: AuthorizeRequest, person: SignInPerson) -> Response[bytes]:
        now = self._clock.now()
        code = self._grants.new_code(
            Grant(
                client_id=asked.client_id,
                redirect_uri=asked.redirect_uri,
                person_key=person.key,
                nonce=asked.nonce,
                code_challenge=asked.code_challenge,
                assurance=asked.assurance,
                signed_in_at=now,
                scope=asked.scope,
            ),
            now=now,
        )
        if code is None:
            raise Refused(shared_refusals.BUSY())
        return self._send_back(asked.redirect_uri, asked.state, code=code)

    def _send_back(
        self, redirect_uri: str, state: str, *, code: str = "", error: RequestError | None = None
    ) -> Response[bytes]:
        # `iss` tells the relying party who answered (RFC 9207: no mix-up of two providers).
        answer = {"state": state, "iss": self._issuer}
        if error is None:
            answer["code"] = code
        else:
            answer |= {"error": error.error, "error_description": error.description}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return redirect(f"{redirect_uri}{joint}{urlencode(answer)}")

    def _authenticated(self, request: AnyRequest, fields: dict[str, str]) -> ClientSettings | None:
        """The client that proved itself by header or in the form, not by both (RFC 6749 §2.3)."""
        scheme, _, basic = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            if "client_secret" in fields:
                return None
            try:
                name, _, secret = b64decode(basic.strip(), validate=True).decode().partition(":")
            except ValueError:
                return None
            name, secret = unquote_plus(name), unquote_plus(secret)
        else:
            name, secret = fields.get("client_id", ""), fields.get("client_secret", "")
        client = self._clients.get(name)
        if client is None or not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
            return None
        return client

    def _id_token(self, grant: Grant) -> str:
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": self._subject(grant),
            "aud": grant.client_id,
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
            "auth_time": int(grant.signed_in_at.timestamp()),
            "nonce": grant.nonce,
            "acr": ASSURANCES[grant.assurance],
            "amr": METHODS[grant.assurance],
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)

    def _subject(self, grant: Grant) -> str:
        """Opaque and different for every client, so that two of them can't compare notes (OIDC Core §8.1)."""
        digest = hmac.digest(self._subject_key, f"{grant.client_id}\x1f{grant.person_key}".encode(), "sha256")
        return readable(digest[:16])


def _token_error(error: str, *, status: int = 400) -> Response[bytes]:
    headers = {"www-authenticate": 'Basic realm="token"'} if status == 401 else None
    return json_answer({"error": error}, status=status, headers=headers)


def _language_of(request: AnyRequest, asked: AuthorizeRequest) -> Language:
    """What the visitor switched to here, else what the relying party's page was in, else the browser's wish."""
    if request.query_params.get("lang") in ("zh", "en"):
        return language_of(request)
    for locale in asked.ui_locales.split():
        if (tag := locale.lower().partition("-")[0]) in ("zh", "en"):
            return "en" if tag == "en" else "zh"
    return language_of(request)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _signing_key(file: Path) -> ECKey:
    """The sandbox's own signing key, made at first start and kept in its folder."""
    if not file.exists():
        write_secret(file, ECKey.generate_key("P-256").as_pem(private=True))
    key = ECKey.import_key(file.read_bytes()[:KEY_BYTES_MAX])
    return ECKey.import_key(
        key.as_dict(private=True) | {"use": "sig", "alg": ALGORITHM, "kid": key.thumbprint()}
    )
