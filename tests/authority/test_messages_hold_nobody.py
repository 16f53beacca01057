"""From application to proof, with mail: no message, log, address or row holds more of a person than a masked name."""

import re
from typing import Any

import msgspec
import pytest

from safehand.authority.tracking.commands import RecordReported
from safehand.house.settings import Settings
from safehand.link.messages import Scan
from tests.authority.living_authority import HOME, SHANGHAI, living
from tests.authority.test_notices_sending import rows

pytestmark = pytest.mark.slow


def with_mail(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, mail_in_rehearsal=True)


def test_from_application_to_proof_nothing_but_a_masked_name_is_said(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG")
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            someone = world.person()
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            await world.control("chores")
            order = (await world.bring_to_post(case)).tracking.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            await world.control("chores")
            reported = RecordReported(
                order=order,
                waybill="ZA000000005CN",
                carrier_code="50",
                occurred_at=world.sandbox_clock.now(),
            )
            await world.do(case, reported, actor="post")
            page = await someone.page(f"/cases/{SHANGHAI}/{case}")
            assert (await someone.press(page=page, act="have-it")).status_code == 303
            await world.control("chores")

            person = world.cast.person("applicant")
            markers = [
                person.name_zh,
                person.id_number,
                person.phone,
                person.email,
                person.address.line_zh,
                *(document.number for document in person.register_facts()["documents"]),
            ]
            assert all(markers)
            sent: list[dict[str, Any]] = await world.mailbox()
            assert {one["kind"] for one in sent} == {"sms", "email"}
            templates = {row["template"] for row in await rows(dsn, "select template from notice")}
            assert {"courier_on_the_way", "please_confirm_receipt", "delivered"} <= templates
            assert len(sent) == 2 * len(await rows(dsn, "select from notice"))
            said = "\n".join(f"{one['subject']}\n{one['text']}" for one in sent)
            assert said.count("王**") == len(sent)
            stored = ""
            for table in ("notice", "message", "message_choice", "reminder", "receipts_read"):
                found = await rows(dsn, f"select to_jsonb(t)::text as line from {table} t")
                stored += "".join(row["line"] for row in found)
            assert stored
            assert "HTTP" in caplog.text
            for marker in markers:
                assert marker not in said + stored + caplog.text
            # Every address in a message is our own, and opens nothing to whoever is not signed in.
            addresses = set(re.findall(r"https?://[^\s，。）)]+", said))
            assert addresses == {f"{HOME}/my", f"{HOME}/cases/{SHANGHAI}/{case}/messages"}
            for address in addresses:
                outside = await world.person().browser.get(address)
                assert outside.status_code == 303
                assert outside.headers["location"].startswith("/sign-in?to=")

    run(scene())
