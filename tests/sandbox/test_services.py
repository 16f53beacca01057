"""What all sandbox services share: strict requests, the mark, settings named one by one, a clean start and stop."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safehand.sandbox.settings import BadSettings, load_settings, settings_of

TOKEN = "sandbox:" + "t" * 32
ALL = ("register", "sign_in", "payment", "messages")


def table(folder: str = "x", **sections: Any) -> dict[str, Any]:
    return {"folder": folder, "seed": 7} | sections


PAYMENT = {"port": 0, "token": TOKEN}


@pytest.mark.slow
def test_every_answer_carries_the_sandbox_mark_even_a_refusal(start, play):
    @play
    async def scene():
        async with start(*ALL) as sandbox:
            for name in ALL:
                client = sandbox.clients[name]
                answers = [
                    await client.get("/health"),
                    await client.get("/style.css"),
                    await client.get("/nothing-here"),
                    await client.request("DELETE", "/health"),
                    await client.post("/v1/clock", content=b"{"),
                ]
                assert [answer.headers["safehand-sandbox"] for answer in answers] == ["true"] * 5
                assert answers[0].json()["service"] == name
                codes = [answer.json()["code"] for answer in answers[2:4]]
                assert codes == ["sandbox.no_such_address", "sandbox.method_not_allowed"]


BROKEN = [
    (b"", "application/json", 400, "sandbox.not_json"),
    (b"{", "application/json", 400, "sandbox.not_json"),
    (b"\xff", "application/json", 400, "sandbox.not_json"),
    (b"[" * 100_000, "application/json", 422, "sandbox.wrong_shape"),
    (b"[]", "application/json", 422, "sandbox.wrong_shape"),
    (b'{"id_numbers": ["1"], "more": 1}', "application/json", 422, "sandbox.wrong_shape"),
    (b'{"id_numbers": []}', "application/json", 422, "sandbox.wrong_shape"),
    (b'{"id_numbers": [1]}', "application/json", 422, "sandbox.wrong_shape"),
    (b'{"id_numbers": ["1"]}', "text/plain", 415, "sandbox.wrong_media_type"),
    (b'{"id_numbers": ["1"]}', "application/x-www-form-urlencoded", 415, "sandbox.wrong_media_type"),
    (b" " * 1_000_001, "application/json", 413, "sandbox.body_too_large"),
]


@pytest.mark.slow
def test_broken_requests_get_a_problem_document_in_two_languages(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            client = sandbox.clients["register"]
            for body, media_type, status, code in BROKEN:
                headers = {"authorization": f"Bearer {TOKEN}", "content-type": media_type}
                answer = await client.post("/v1/lookup", content=body, headers=headers)
                problem = answer.json()
                assert (answer.status_code, problem["code"]) == (status, code), body[:40]
                assert answer.headers["content-type"] == "application/problem+json"
                assert problem["status"] == status
                assert all(problem[name] for name in ("detail", "way_out", "detail_zh", "way_out_zh"))


@pytest.mark.slow
def test_nothing_is_said_without_the_token(start, play):
    @play
    async def scene():
        async with start(*ALL) as sandbox:
            for name, method, path in (
                ("register", "POST", "/v1/lookup"),
                ("register", "POST", "/v1/documents/issue"),
                ("register", "POST", "/v1/documents/cancel"),
                ("register", "POST", "/v1/people/change"),
                ("register", "POST", "/v1/people/settle"),
                ("payment", "POST", "/v1/payments"),
                ("payment", "POST", "/v1/payments:batch"),
                ("payment", "POST", "/v1/payments:status"),
                ("payment", "POST", "/v1/refunds"),
                ("payment", "GET", "/v1/statements/2024-05-06"),
                ("payment", "GET", "/v1/callbacks"),
                ("messages", "POST", "/v1/sms"),
                ("messages", "GET", "/v1/receipts"),
                ("messages", "GET", "/v1/mailbox"),
            ):
                for headers in ({}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": TOKEN}):
                    answer = await sandbox.clients[name].request(method, path, headers=headers)
                    assert (answer.status_code, answer.json()["code"]) == (401, "sandbox.not_authorised"), (
                        path
                    )


@pytest.mark.slow
def test_one_clock_moves_all_services_and_never_back(start, play):
    @play
    async def scene():
        async with start("register", "payment") as sandbox:
            moved = await sandbox.clients["payment"].post("/v1/clock", json={"now": "2024-05-07T00:00:00Z"})
            assert moved.json()["now"] == "2024-05-07T00:00:00Z"
            back = await sandbox.clients["payment"].post(
                "/v1/clock", json={"now": "2024-05-06T00:00:00+08:00"}
            )
            assert back.json()["now"] == "2024-05-07T00:00:00Z"
            health = await sandbox.clients["register"].get("/health")
            assert health.json()["now"] == "2024-05-07T00:00:00Z"
            vague = await sandbox.clients["payment"].post("/v1/clock", json={"now": "2024-05-08T00:00:00"})
            assert (vague.status_code, vague.json()["code"]) == (422, "sandbox.wrong_shape")


@pytest.mark.parametrize(
    ("given", "defects"),
    [
        ({}, ["folder: is missing", "seed: is missing"]),
        (table(), ["no service: write at least one of the sections register, sign_in, payment, messages"]),
        (
            table(payment={"port": "x", "token": "real-secret", "colour": 1}, seed=-1),
            ["seed: Expected", "payment.colour: there is no such setting", "payment.port: Expected"],
        ),
        (
            table(payment={"port": 0, "token": "a-real-and-very-long-secret"}),
            ["payment.token: must begin with"],
        ),
        (table(payment={"port": 0, "token": "sandbox:short"}), ["payment.token: must begin with"]),
        (table(payment=PAYMENT | {"callback_url": "file:///etc/passwd"}), ["payment.callback_url: must be"]),
        (
            table(payment=PAYMENT | {"return_urls": ["http://a.example"]}),
            ["payment.return_urls[0]: must end"],
        ),
        (table(payment=PAYMENT, rehearsal=True), ["start: a rehearsal needs"]),
        (table(payment=3), ["payment: must be a section"]),
        (
            table(payment=PAYMENT | {"port": 7_000}, register=PAYMENT | {"port": 7_000}),
            ["payment.port: 7000 is already register.port"],
        ),
        (
            table(
                sign_in={
                    "port": 0,
                    "issuer": "http://a.example/",
                    "clients": [
                        {"client_id": "a", "client_secret": TOKEN, "redirect_uris": ["a.example"]},
                        {"client_id": "a", "client_secret": "x", "redirect_uris": ["http://a.example/#x"]},
                    ],
                }
            ),
            [
                "sign_in.clients[1].client_secret: must begin",
                "sign_in.clients[1].client_id: 'a' is there twice",
                "sign_in.clients[0].redirect_uris[0]: must be an address",
                "sign_in.clients[1].redirect_uris[0]: must be an address",
                "sign_in.issuer: must not end",
            ],
        ),
    ],
)
def test_bad_settings_are_named_all_at_once(given, defects):
    with pytest.raises(BadSettings) as bad:
        settings_of(table=given)
    assert [found.startswith(said) for found, said in zip(bad.value.defects, defects, strict=True)] == [
        True
    ] * len(defects), bad.value.defects


@pytest.mark.parametrize(
    ("content", "said"), [(b"x = ", "not TOML"), (b"\xff", "not TOML"), (b"#" * 100_001, "larger")]
)
def test_a_settings_file_that_cannot_be_read_says_why(tmp_path, content, said):
    file = tmp_path / "sandbox.toml"
    with pytest.raises(BadSettings, match="cannot be read"):
        load_settings(file=file)
    file.write_bytes(content)
    with pytest.raises(BadSettings, match=said):
        load_settings(file=file)


def test_only_one_service_is_kept_when_asked_for():
    settings = settings_of(table=table(payment=PAYMENT, register=PAYMENT), only="payment")
    assert (settings.register, settings.payment is not None) == (None, True)
    with pytest.raises(BadSettings, match="messages: the section is missing"):
        settings_of(table=table(payment=PAYMENT), only="messages")


@pytest.mark.slow
def test_a_folder_of_another_seed_is_not_mixed_up(start, play, tmp_path):
    @play
    async def scene():
        async with start("register"):
            pass
        note = tmp_path / "sandbox" / "world.json"
        note.write_text(note.read_text().replace("7", "8"))
        with pytest.raises(BadSettings, match="seed: .* was begun with seed"):
            async with start("register"):
                pass


SETTINGS = """
folder = "{folder}"
seed = 7
[register]
port = 0
token = "{token}"
[sign_in]
port = 0
clients = [{{ client_id = "a", client_secret = "{token}", redirect_uris = ["http://127.0.0.1:9/"] }}]
[payment]
port = {port}
token = "{token}"
[messages]
port = 0
smtp_port = 0
token = "{token}"
"""


def started(tmp_path: Path, *more: str, port: int = 0) -> subprocess.Popen[str]:
    file = tmp_path / "sandbox.toml"
    file.write_text(SETTINGS.format(folder=tmp_path / "sandbox", token=TOKEN, port=port))
    command = [sys.executable, "-m", "safehand.sandbox", "--settings", str(file), *more]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_process_starts_all_services_says_so_and_stops_cleanly(tmp_path, number):
    with started(tmp_path) as process:
        assert process.stdout
        lines = [json.loads(process.stdout.readline()) for _ in range(4)]
        assert [line["ready"] for line in lines] == list(ALL)
        assert all(line["address"].startswith("http://127.0.0.1:") for line in lines)
        process.send_signal(number)
        rest = [json.loads(line) for line in process.stdout]
        assert rest == [{"stopped": sorted(ALL)}]
        assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_a_service_starts_alone(tmp_path):
    with started(tmp_path, "--only", "payment") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["ready"] == "payment"
        process.terminate()
        assert [json.loads(line) for line in process.stdout] == [{"stopped": ["payment"]}]


@pytest.mark.slow
def test_a_taken_port_is_named_and_nothing_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(tmp_path, port=port) as process:
            assert process.stdout
            (line,) = [json.loads(line) for line in process.stdout]
            assert process.wait(timeout=10) == 2
            assert line["defect"].startswith(f"payment.port: 127.0.0.1:{port} can't be listened on")
