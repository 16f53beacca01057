"""Calls a service behind a port over HTTP: explicit timeouts, a few bounded retries, no sandbox in live mode."""

from typing import Final, TypeVar

import httpx
import msgspec

from safehand.kernel.clock import Clock, SystemClock

T = TypeVar("T")

CONNECT_SECONDS_MAX: Final = 3.0
ANSWER_SECONDS_MAX: Final = 10.0
ANSWER_BYTES_MAX: Final = 8_000_000
PAUSES_SECONDS: Final = (0.1, 0.5)
"""Pauses before the second and third try. Every call is idempotent, by key or because it only reads."""
CONNECTIONS_MAX: Final = 20
WORTH_REPEATING: Final = frozenset({502, 503, 504})
SANDBOX_HEADER: Final = "safehand-sandbox"


class ServiceUnavailable(Exception):
    """The service could not be reached or gave no answer. Whether the call took effect is not known: repeat it by key."""

    def __init__(self, *, service: str, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason


class ServiceFault(Exception):
    """The service answered something that it must not: a wrong shape, a refusal of our credentials or of our request."""

    def __init__(self, *, service: str, reason: str) -> None:
        super().__init__(f"{service}: {reason}")
        self.service = service
        self.reason = reason


class SandboxInLiveMode(ServiceFault):
    """A sandbox service answered a house in live mode; nothing that it says counts."""

    def __init__(self, *, service: str) -> None:
        super().__init__(
            service=service, reason=f"is a sandbox; set services.{service} to the real service's address"
        )


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    code: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A complete answer: its status and body."""

    status: int
    body: bytes


class ServiceCaller:
    """One service at one address. `pauses` waits between tries: the machine's clock, even in a rehearsal."""

    def __init__(
        self,
        *,
        service: str,
        base_url: str,
        live: bool,
        token: str = "",
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        pauses: Clock | None = None,
    ) -> None:
        self.service = service
        self._live = live
        self._pauses = pauses or SystemClock()
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(answer_seconds_max, connect=CONNECT_SECONDS_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(
        self,
        *,
        method: str,
        path: str,
        json: object = None,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """The answer, whatever its status below 500. Raises `ServiceUnavailable`, `ServiceFault`."""
        reason = "not tried"
        pauses = (*PAUSES_SECONDS, None) if repeatable else (None,)
        sent = dict(headers or {})
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            sent["content-type"] = "application/json"
        for pause in pauses:
            request = self._client.build_request(method, path, content=content, data=form, headers=sent)
            try:
                answer = await self._once(request)
            except httpx.TransportError as failure:
                reason = f"no answer ({type(failure).__name__})"
            else:
                if answer.status < 500:
                    return answer
                reason = f"answered {answer.status}"
                if answer.status not in WORTH_REPEATING:
                    break
            if pause is not None:
                await self._pauses.sleep(pause)
        raise ServiceUnavailable(service=self.service, reason=reason)

    async def read(self, *, method: str, path: str, shape: type[T], json: object = None) -> T:
        """The answer's body as `shape`. Raises `ServiceUnavailable`, `ServiceFault`."""
        answer = await self.call(method=method, path=path, json=json)
        if answer.status not in (200, 201):
            raise ServiceFault(service=self.service, reason=f"answered {answer.status} {code_of(answer)}")
        return self.decoded(answer, shape=shape)

    def decoded(self, answer: Answer, *, shape: type[T]) -> T:
        """A body as `shape`. Raises `ServiceFault`; the reason never quotes the body, it may be personal."""
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except msgspec.ValidationError as defect:
            place = str(defect).rpartition(" - at ")[2]
            raise ServiceFault(service=self.service, reason=f"answer of another shape at {place}") from None
        except msgspec.DecodeError:
            raise ServiceFault(service=self.service, reason="answer is not JSON") from None

    async def _once(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            if self._live and SANDBOX_HEADER in response.headers:
                raise SandboxInLiveMode(service=self.service)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise ServiceFault(
                        service=self.service, reason=f"answer exceeds {ANSWER_BYTES_MAX} bytes"
                    )
            return Answer(status=response.status_code, body=bytes(body))
        finally:
            await response.aclose()


def code_of(answer: Answer) -> str:
    """The stable code of a problem document; empty when the answer is none."""
    try:
        return msgspec.json.decode(answer.body, type=_Refused).code[:100]
    except msgspec.DecodeError:
        return ""
