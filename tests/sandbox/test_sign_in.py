"""The sign-in: strict about addresses, codes and proofs; the authority's relying party believes no forged token."""

import base64
import json
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from safehand.authority.ports.calling import SandboxInLiveMode, ServiceCaller
from safehand.authority.ports.sign_in import OidcSignIn, ProvenPerson, SignInAsked, SignInBegun
from safehand.authority.ports.sign_in_ways import ways_on
from safehand.kernel.ids import SystemIds
from safehand.kernel.outcome import Language, Refusal

pytestmark = pytest.mark.slow

REDIRECT = "http://127.0.0.1:9/signed-in"
TODAY = date(2024, 5, 6)
SECRET = "sandbox:" + "c" * 32


def relying_party(sandbox: Any, **other: Any) -> OidcSignIn:
    issuer = str(sandbox.facts["sign_in"]["issuer"])
    live = other.get("live", False)
    caller = ServiceCaller(service="sign_in", base_url=issuer, live=live)
    settings: dict[str, Any] = {
        "caller": caller,
        "issuer": issuer,
        "client_id": "safehand-authority",
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "ids": SystemIds(),
        "live": False,
    }
    return OidcSignIn(**(settings | other))


async def authorized(sandbox: Any, begun: SignInBegun, **changes: str | None) -> Any:
    """The authorize call of a scripted sign-in, with some parameters changed or (None) left out."""
    query = (
        dict(parse_qsl(urlsplit(begun.address).query))
        | {"prompt": "none", "login_hint": "applicant"}
        | changes
    )
    kept = {name: value for name, value in query.items() if value is not None}
    return await sandbox.clients["sign_in"].get(f"/authorize?{urlencode(kept)}")


def came_back_with(response: Any) -> dict[str, str]:
    assert response.status_code == 303, response.text
    assert response.headers["location"].startswith(REDIRECT + "?")
    return {
        name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()
    }


async def proven(sandbox: Any, party: OidcSignIn, **changes: str | None) -> ProvenPerson | Refusal:
    begun = await party.begin(basis="session 1", now=sandbox.clock.now())
    answer = came_back_with(await authorized(sandbox, begun, **changes))
    return await party.finish(begun=begun, answer=answer, now=sandbox.clock.now())


def test_the_applicant_signs_in_and_the_authority_knows_who_it_is(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            first = await proven(sandbox, relying_party(sandbox))
            again = await proven(sandbox, relying_party(sandbox))
            assert isinstance(first, ProvenPerson)
            assert isinstance(again, ProvenPerson)
            assert first.name == "王安宁"
            assert first.resident_id_number.startswith("999999")
            assert first.subject == again.subject
            assert first.resident_id_number not in first.subject
            by_number = await proven(sandbox, relying_party(sandbox), login_hint=first.resident_id_number)
            assert isinstance(by_number, ProvenPerson)
            assert by_number.subject == first.subject
            stranger = await proven(sandbox, relying_party(sandbox), login_hint="stranger")
            assert isinstance(stranger, ProvenPerson)
            assert stranger.subject != first.subject


def test_any_synthetic_resident_can_sign_in_by_script(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            person = await proven(sandbox, relying_party(sandbox), login_hint="person_4711")
            assert isinstance(person, ProvenPerson)
            again = await proven(sandbox, relying_party(sandbox), login_hint=person.resident_id_number)
            assert isinstance(again, ProvenPerson)
            assert (again.subject, again.phone) == (person.subject, person.phone)


def test_a_sign_in_without_a_look_at_the_face_is_not_enough(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            refusal = await proven(sandbox, relying_party(sandbox), assurance="low")
            assert isinstance(refusal, Refusal)
            assert refusal.code == "sign_in.assurance_too_low"


@pytest.mark.parametrize("way", ["face", "card", "bank"])
def test_every_way_to_sign_in_is_enough_and_the_service_says_which_it_was(start, play, way):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)
            wanted = ways_on(TODAY)[way].assurance_on(TODAY)
            begun = await party.begin(basis="s", now=sandbox.clock.now(), asked=SignInAsked(assurance=wanted))
            answer = came_back_with(await authorized(sandbox, begun))
            person = await party.finish(begun=begun, answer=answer, now=sandbox.clock.now())
            assert isinstance(person, ProvenPerson)
            assert person.assurance == wanted


def test_a_service_that_knows_none_of_the_assurances_asked_for_gives_its_highest(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            person = await proven(sandbox, relying_party(sandbox), acr_values="urn:other urn:another")
            assert isinstance(person, ProvenPerson)
            assert person.assurance == "urn:safehand:assurance:high"


def test_the_sign_in_speaks_the_language_of_the_page_that_it_was_asked_from(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)
            client = sandbox.clients["sign_in"]
            ways: tuple[tuple[Language, str, str], ...] = (
                ("en", "zh-CN", "Somebody else"),
                ("zh", "en-GB", "其他居民"),
            )
            for language, browser, words in ways:
                begun = await party.begin(
                    basis="s", now=sandbox.clock.now(), asked=SignInAsked(language=language)
                )
                query = urlsplit(begun.address).query
                page = await client.get(f"/authorize?{query}", headers={"accept-language": browser})
                assert words in page.text
                switched = await client.get(f"/authorize?{query}&lang={'zh' if language == 'en' else 'en'}")
                assert words not in switched.text


async def proven_anew(sandbox: Any, party: OidcSignIn, *, asked_in: timedelta) -> ProvenPerson | Refusal:
    """A sign-in that must be fresh, asked for that long after (or before) the service takes it for."""
    now = sandbox.clock.now()
    begun = await party.begin(basis="s", now=now + asked_in, asked=SignInAsked(fresh=True))
    assert dict(parse_qsl(urlsplit(begun.address).query))["max_age"] == "0"
    answer = came_back_with(await authorized(sandbox, begun))
    return await party.finish(begun=begun, answer=answer, now=now)


def test_who_must_prove_it_anew_is_believed_only_if_it_was_after_the_question(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)
            new = await proven_anew(sandbox, party, asked_in=timedelta())
            assert isinstance(new, ProvenPerson)
            assert new.signed_in_at == sandbox.clock.now().replace(microsecond=0)
            old = await proven_anew(sandbox, party, asked_in=timedelta(minutes=5))
            assert isinstance(old, Refusal)
            assert old.code == "sign_in.not_proven_anew"


@pytest.mark.parametrize("said", [None, True, "1714957200", 1.5, -1, 0, 10**30, 4_000_000_000])
def test_a_moment_of_proof_that_is_none_is_refused(start, play, tmp_path, said):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            key = ECKey.import_key((tmp_path / "sandbox" / "sign-in-key.pem").read_bytes())
            party = forging(sandbox, lambda old: signed(changed(old, "auth_time", said), key))
            refusal = await proven_anew(sandbox, party, asked_in=timedelta())
            assert isinstance(refusal, Refusal)
            assert (refusal.code, refusal.facts["reason"]) == ("sign_in.failed", "auth_time")


BROKEN: list[tuple[dict[str, str | None], str]] = [
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"nonce": None}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"request_uri": "http://127.0.0.1:9/x"}, "request_uri_not_supported"),
    ({"prompt": "consent"}, "invalid_request"),
    ({"assurance": "highest"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"login_hint": None}, "login_required"),
    ({"login_hint": "nobody"}, "login_required"),
    ({"scope": "openid " + "x" * 2_000}, "invalid_request"),
]


def test_a_broken_request_goes_back_with_its_error(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            begun = await relying_party(sandbox).begin(basis="s", now=sandbox.clock.now())
            for changes, error in BROKEN:
                answer = came_back_with(await authorized(sandbox, begun, **changes))
                assert (answer["error"], answer["state"]) == (error, begun.state), changes


ELSEWHERE: list[tuple[dict[str, str | None], str]] = [
    ({"redirect_uri": REDIRECT + "/"}, "sign_in_service.unknown_redirect"),
    ({"redirect_uri": REDIRECT + "?x=1"}, "sign_in_service.unknown_redirect"),
    ({"redirect_uri": "http://127.0.0.1:9.evil.example/signed-in"}, "sign_in_service.unknown_redirect"),
    ({"redirect_uri": None}, "sign_in_service.unknown_redirect"),
    ({"client_id": "other"}, "sign_in_service.unknown_client"),
]


def test_nobody_is_ever_sent_to_an_address_that_is_not_registered(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            begun = await relying_party(sandbox).begin(basis="s", now=sandbox.clock.now())
            for changes, code in ELSEWHERE:
                response = await authorized(sandbox, begun, **changes)
                assert (response.status_code, response.json()["code"]) == (400, code), changes
                assert "location" not in response.headers


async def token(
    sandbox: Any, code: str, verifier: str, *, secret: str = SECRET, redirect: str = REDIRECT
) -> Any:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect,
    }
    return await sandbox.clients["sign_in"].post(
        "/token", data=form, auth=("safehand-authority", secret.replace(":", "%3A"))
    )


def test_a_code_is_good_once_and_a_second_use_takes_back_the_first(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            begun = await relying_party(sandbox).begin(basis="s", now=sandbox.clock.now())
            code = came_back_with(await authorized(sandbox, begun))["code"]
            first = await token(sandbox, code, begun.code_verifier)
            assert first.status_code == 200
            bearer = first.json()["access_token"]
            assert (await sandbox.get("sign_in", "/userinfo", token=bearer)).status_code == 200
            second = await token(sandbox, code, begun.code_verifier)
            assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
            assert (await sandbox.get("sign_in", "/userinfo", token=bearer)).status_code == 401


def test_a_code_is_worth_nothing_without_its_verifier_its_secret_or_its_time(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)

            async def new_code() -> tuple[str, SignInBegun]:
                begun = await party.begin(basis="s", now=sandbox.clock.now())
                return came_back_with(await authorized(sandbox, begun))["code"], begun

            code, begun = await new_code()
            assert (
                await token(sandbox, code, begun.code_verifier, secret="sandbox:wrong")
            ).status_code == 401
            assert (await token(sandbox, code, "x" * 43)).json()["error"] == "invalid_grant"
            assert (await token(sandbox, code, begun.code_verifier)).json()["error"] == "invalid_grant"
            code, begun = await new_code()
            other = await token(sandbox, code, begun.code_verifier, redirect="http://127.0.0.1:9/other")
            assert other.json()["error"] == "invalid_grant"
            code, begun = await new_code()
            sandbox.clock.move_to(sandbox.clock.now() + timedelta(seconds=60))
            assert (await token(sandbox, code, begun.code_verifier)).json()["error"] == "invalid_grant"


def test_an_access_token_ends_after_ten_minutes(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            begun = await relying_party(sandbox).begin(basis="s", now=sandbox.clock.now())
            code = came_back_with(await authorized(sandbox, begun))["code"]
            bearer = (await token(sandbox, code, begun.code_verifier)).json()["access_token"]
            sandbox.clock.move_to(sandbox.clock.now() + timedelta(minutes=10))
            assert (await sandbox.get("sign_in", "/userinfo", token=bearer)).status_code == 401


def test_an_answer_of_another_browser_or_provider_is_refused(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)
            now = sandbox.clock.now()
            begun = await party.begin(basis="a", now=now)
            answer = came_back_with(await authorized(sandbox, begun))
            other = await party.begin(basis="b", now=now)
            for wrong, reason in (
                (answer | {"state": other.state}, "state"),
                (answer | {"iss": "http://127.0.0.1:9"}, "issuer"),
                ({"state": begun.state}, "no_code"),
                (answer | {"code": "guess"}, "code"),
            ):
                refusal = await party.finish(begun=begun, answer=wrong, now=now)
                assert isinstance(refusal, Refusal)
                assert (refusal.code, refusal.facts["reason"]) == ("sign_in.failed", reason)
            declined = await party.finish(
                begun=begun, answer={"state": begun.state, "error": "access_denied"}, now=now
            )
            assert isinstance(declined, Refusal)
            assert declined.code == "sign_in.declined"
            assert isinstance(await party.finish(begun=begun, answer=answer, now=now), ProvenPerson)


class Forger:
    """A provider's caller whose token endpoint answers with ID tokens that were altered on the way."""

    def __init__(self, inner: ServiceCaller, alter: Any) -> None:
        self.service = inner.service
        self._inner = inner
        self._alter = alter

    async def call(self, **call: Any) -> Any:
        answer = await self._inner.call(**call)
        return self._alter(answer) if call["path"].endswith("/token") else answer

    async def read(self, **call: Any) -> Any:
        return await self._inner.read(**call)

    def decoded(self, answer: Any, *, shape: Any) -> Any:
        return self._inner.decoded(answer, shape=shape)


ALTERED: list[tuple[str, object, str]] = [
    ("iss", "http://127.0.0.1:9", "iss"),
    ("aud", "other-client", "aud"),
    ("aud", ["safehand-authority", "other"], "aud"),
    ("nonce", "another", "nonce"),
    ("exp", 1, "exp"),
    ("iat", 4_000_000_000, "iat"),
    ("iat", 1_000_000_000, "iat"),
    ("sub", "somebody-else", "sub"),
    ("azp", "other-client", "azp"),
    ("nonce", None, "nonce"),
    ("exp", None, "exp"),
]


def test_an_id_token_that_says_something_else_is_refused(start, play, tmp_path):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            key = ECKey.import_key((tmp_path / "sandbox" / "sign-in-key.pem").read_bytes())
            for claim, value, reason in ALTERED:

                def forge(old: str, claim: str = claim, value: object = value) -> str:
                    return signed(changed(old, claim, value), key)

                refusal = await proven(sandbox, forging(sandbox, forge))
                assert isinstance(refusal, Refusal), claim
                assert (refusal.code, refusal.facts["reason"]) == ("sign_in.failed", reason)


def test_an_id_token_signed_by_anybody_else_is_refused(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            stranger = ECKey.generate_key("P-256")
            secret = OctKey.import_key(SECRET)
            for forge in (
                lambda old: signed(claims_of(old), stranger),
                lambda old: jwt.encode({"alg": "HS256"}, claims_of(old), secret),
                lambda old: old[:-6] + "AAAAAA",
                lambda old: "e30.e30.",
            ):
                refusal = await proven(sandbox, forging(sandbox, forge))
                assert isinstance(refusal, Refusal)
                assert refusal.facts["reason"] == "signature"


def test_the_altering_itself_would_pass_an_unaltered_token(start, play, tmp_path):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            key = ECKey.import_key((tmp_path / "sandbox" / "sign-in-key.pem").read_bytes())
            person = await proven(sandbox, forging(sandbox, lambda old: signed(claims_of(old), key)))
            assert isinstance(person, ProvenPerson)


def forging(sandbox: Any, forge: Any) -> OidcSignIn:
    issuer = str(sandbox.facts["sign_in"]["issuer"])

    def alter(answer: Any) -> Any:
        tokens = msgspec.json.decode(answer.body)
        tokens["id_token"] = forge(tokens["id_token"])
        return msgspec.structs.replace(answer, body=msgspec.json.encode(tokens))

    inner = ServiceCaller(service="sign_in", base_url=issuer, live=False)
    return relying_party(sandbox, caller=Forger(inner, alter))


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def changed(token: str, claim: str, value: object) -> dict[str, Any]:
    claims = claims_of(token) | {claim: value}
    return {name: said for name, said in claims.items() if said is not None}


def signed(claims: dict[str, Any], key: ECKey) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key)


def test_a_house_in_live_mode_does_not_let_the_sandbox_sign_anybody_in(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            with pytest.raises(SandboxInLiveMode):
                await relying_party(sandbox, live=True).begin(basis="s", now=sandbox.clock.now())


def test_the_page_offers_the_cast_and_takes_a_choice(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            party = relying_party(sandbox)
            begun = await party.begin(basis="s", now=sandbox.clock.now())
            client = sandbox.clients["sign_in"]
            query = urlsplit(begun.address).query
            page = await client.get(f"/authorize?{query}", headers={"accept": "text/html"})
            assert "王安宁" in page.text
            assert 'lang="zh-CN"' in page.text
            english = await client.get(f"/authorize?{query}&lang=en")
            assert "Choose whom to sign in as" in english.text
            assert REDIRECT.rpartition("/")[0] in english.headers["content-security-policy"]
            fields = dict(parse_qsl(query)) | {"person": "father"}
            answer = came_back_with(await client.post("/authorize", data=fields))
            person = await party.finish(begun=begun, answer=answer, now=sandbox.clock.now())
            assert isinstance(person, ProvenPerson)
            assert person.name == "陈明华"
            away = came_back_with(await client.post("/authorize", data=fields | {"answer": "cancel"}))
            assert away["error"] == "access_denied"
            nobody = await client.post("/authorize", data=fields | {"person": "nobody"})
            assert (nobody.status_code, nobody.json()["code"]) == (422, "sign_in_service.nobody_chosen")


def test_what_a_visitor_types_is_shown_as_text(start, play):
    @play
    async def scene():
        async with start("sign_in") as sandbox:
            begun = await relying_party(sandbox).begin(basis="s", now=sandbox.clock.now())
            response = await authorized(sandbox, begun, prompt=None, state='"><script>alert(1)</script>')
            assert "<script>" not in response.text
            assert "&lt;script&gt;" in response.text
