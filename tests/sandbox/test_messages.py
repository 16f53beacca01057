"""Messages: every text and mail is in the mailbox once, failures are answers, and no page shows a number."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from safehand.authority.ports.calling import ServiceCaller, ServiceUnavailable
from safehand.authority.ports.notices import HttpTextMessages, Mail, SmtpMailer, TextMessage
from safehand.kernel.outcome import Refusal
from safehand.sandbox.messages.mail_server import read_mail
from safehand.sandbox.messages.mailbox import parts_of

pytestmark = pytest.mark.slow
TOKEN = "sandbox:" + "t" * 32
MOBILE = "19900000001"


def sms(key: str, to: str = MOBILE, text: str = "您的证件已寄出。") -> dict[str, str]:
    return {"key": key, "to": to, "text": text}


async def sent(sandbox: Any, *messages: dict[str, str]) -> list[Any]:
    response = await sandbox.post("messages", "/v1/sms", {"messages": list(messages)})
    assert response.status_code == 200, response.text
    return [one["problem"]["code"] if one["problem"] else one["id"] for one in response.json()["outcomes"]]


async def mailbox(sandbox: Any, query: str = "") -> list[dict[str, Any]]:
    return (await sandbox.get("messages", f"/v1/mailbox{query}")).json()["messages"]


def mailer(sandbox: Any) -> SmtpMailer:
    port = int(sandbox.facts["messages"]["smtp_port"])
    return SmtpMailer(
        host="127.0.0.1", port=port, sender="Safehand <news@safehand.example>", encryption="offered"
    )


def test_a_text_message_is_sent_once_however_often_it_is_asked_for(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            first, again = await sent(sandbox, sms("k1"), sms("k1"))
            assert first == again
            assert await sent(sandbox, sms("k1", text="x")) == ["sandbox.key_with_other_body"]
            (message,) = await mailbox(sandbox)
            assert (message["to"], message["text"], message["kind"]) == (MOBILE, "您的证件已寄出。", "sms")


def test_magic_numbers_fail_as_real_ones_do(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            outcomes = await sent(
                sandbox,
                sms("k1", "19900009901"),
                sms("k2", "19900009902"),
                sms("k3", "19900009903"),
                sms("k4", "19900009904"),
                sms("k5", "12345"),
                sms("k6"),
            )
            assert [outcomes[0], outcomes[1], outcomes[4]] == [
                "messages_service.invalid_number",
                "messages_service.box_full",
                "messages_service.invalid_number",
            ]
            assert [message["to"] for message in await mailbox(sandbox)] == ["19900009903", MOBILE]
            receipts = (await sandbox.get("messages", "/v1/receipts")).json()
            assert [(one["key"], one["state"]) for one in receipts["receipts"]] == [
                ("k4", "failed"),
                ("k6", "delivered"),
            ]
            sandbox.clock.move_to(sandbox.clock.now() + timedelta(minutes=5))
            late = (await sandbox.get("messages", f"/v1/receipts?after={receipts['next_after']}")).json()
            assert [(one["key"], one["state"]) for one in late["receipts"]] == [("k3", "delivered")]


def test_one_number_is_reached_by_the_third_message_and_hears_the_first_ones_never(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            for key in ("k1", "k1", "k2", "k3", "k4"):
                await sent(sandbox, sms(key, "19900009905", text=key))
            assert [message["text"] for message in await mailbox(sandbox)] == ["k3", "k4"]
            receipts = (await sandbox.get("messages", "/v1/receipts")).json()["receipts"]
            assert [one["state"] for one in receipts] == ["failed", "failed", "delivered", "delivered"]


def test_the_mailbox_keeps_the_newest(start, play):
    @play
    async def scene():
        async with start("messages", messages={"messages_max": 3}) as sandbox:
            await sent(sandbox, *(sms(f"k{n}", text=str(n)) for n in range(5)))
            assert [message["text"] for message in await mailbox(sandbox)] == ["2", "3", "4"]
            await sent(sandbox, sms("k5", text="5"))
        async with start("messages", messages={"messages_max": 3}) as sandbox:
            assert [message["text"] for message in await mailbox(sandbox)] == ["3", "4", "5"]
            (after,) = await mailbox(sandbox, f"?address={MOBILE}&after=5")
            assert after["text"] == "5"


def test_the_authoritys_port_sends_texts_and_reads_receipts(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            address = str(sandbox.facts["messages"]["address"])
            port = HttpTextMessages(
                caller=ServiceCaller(service="sms", base_url=address, live=False, token=TOKEN)
            )
            outcomes = await port.send(
                messages=[
                    TextMessage(key="k1", to=MOBILE, text="一"),
                    TextMessage(key="k2", to="19900009901", text="二"),
                    TextMessage(key="k3", to="19900009902", text="三"),
                ]
            )
            codes = [outcome and outcome.code for outcome in outcomes]
            assert codes == [None, "notices.sms_number_invalid", "notices.sms_refused"]
            receipts, after = await port.receipts(after=0)
            assert [(one.key, one.state) for one in receipts] == [("k1", "delivered")]
            assert await port.receipts(after=after) == ([], after)


def test_mail_goes_through_real_smtp_into_the_mailbox(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            mail = Mail(
                key="m1", to="applicant@mail.example", subject="证件已寄出", text="请留意查收。\n.\nFrom here"
            )
            assert await mailer(sandbox).send(mail=mail, now=sandbox.clock.now()) is None
            (message,) = await mailbox(sandbox, "?address=applicant@mail.example")
            assert (message["kind"], message["subject"]) == ("email", "证件已寄出")
            assert message["text"].split("\n")[:3] == ["请留意查收。", ".", "From here"]
            assert message["sender"] == "news@safehand.example"


@pytest.mark.parametrize(("to", "reply"), [("unknown@mail.example", 550), ("full@mail.example", 552)])
def test_a_mail_that_can_never_arrive_is_refused_for_good(start, play, to, reply):
    @play
    async def scene():
        async with start("messages") as sandbox:
            mail = Mail(key="m1", to=to, subject="s", text="t")
            outcome = await mailer(sandbox).send(mail=mail, now=sandbox.clock.now())
            assert isinstance(outcome, Refusal)
            assert (outcome.code, outcome.facts["reply"]) == ("notices.mail_refused", reply)
            assert await mailbox(sandbox) == []


def test_a_mail_server_that_cannot_now_is_asked_again_later(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            post = mailer(sandbox)
            later = Mail(key="m1", to="later@mail.example", subject="s", text="t")
            with pytest.raises(ServiceUnavailable, match="451"):
                await post.send(mail=later, now=sandbox.clock.now())
            now = sandbox.clock.now()
        with pytest.raises(ServiceUnavailable):
            await post.send(mail=later, now=now)


def test_nobody_adds_a_recipient_through_a_subject(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            for mail in (
                Mail(key="m1", to="a@mail.example", subject="s\r\nBcc: b@mail.example", text="t"),
                Mail(key="m1", to="a@mail.example\nBcc: b@mail.example", subject="s", text="t"),
            ):
                with pytest.raises(ValueError):
                    await mailer(sandbox).send(mail=mail, now=sandbox.clock.now())
            assert await mailbox(sandbox) == []


def test_the_mail_server_bounds_size_and_recipients(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            port = int(sandbox.facts["messages"]["smtp_port"])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def said(line: str) -> str:
                writer.write(line.encode() + b"\r\n")
                answer = await reader.readline()
                while answer[3:4] == b"-":
                    answer = await reader.readline()
                return answer.decode()

            await reader.readline()
            await said("EHLO client.example")
            assert (await said("MAIL FROM:<a@mail.example> SIZE=300000")).startswith("552")
            await said("MAIL FROM:<a@mail.example>")
            for place in range(50):
                assert (await said(f"RCPT TO:<p{place}@mail.example>")).startswith("250")
            assert (await said("RCPT TO:<one-more@mail.example>")).startswith("452")
            writer.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: text/plain; charset=unheard-of\r\n\r\nhello",
        b"Subject: =?utf-8?b?////?=\r\n\r\n\xed\xa0\x80",
        b"Content-Type: multipart/mixed\r\n\r\nno parts",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
    ],
)
def test_a_broken_mail_is_kept_and_breaks_nothing(raw):
    subject, text = read_mail(raw)
    assert (subject + text).encode().decode() == subject + text


@pytest.mark.parametrize(("letters", "parts"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3)])
def test_long_texts_are_counted_in_parts(letters, parts):
    assert parts_of("证" * letters) == parts


def test_the_page_shows_messages_without_showing_numbers(start, play):
    @play
    async def scene():
        async with start("messages") as sandbox:
            await sent(sandbox, sms("k1", text="<b>取件码 123456</b>"))
            mail = Mail(key="m1", to="applicant@mail.example", subject="证件已寄出", text="见页面")
            await mailer(sandbox).send(mail=mail, now=sandbox.clock.now())
            client = sandbox.clients["messages"]
            page = (await client.get("/", headers={"accept": "text/html"})).text
            assert MOBILE not in page
            assert "applicant@" not in page
            assert "199******01" in page
            assert "&lt;b&gt;取件码 123456&lt;/b&gt;" in page
            box = page.partition('href="/box/')[2].partition("?")[0]
            one = await client.get(f"/box/{box}?lang=en")
            assert "All recipients" in one.text
            assert "取件码" not in one.text
            none = await client.get("/box/nobody?lang=en", headers={"accept": "text/html"})
            assert (none.status_code, "no messages for this recipient" in none.text) == (404, True)
