"""A request that is repeated takes effect once: alone, in a batch, at the same moment, after other requests."""

from __future__ import annotations

import pytest

from tests.house.living import Living, new_key

pytestmark = pytest.mark.slow
AT_ONCE = 20


def test_a_repeated_application_gets_the_first_receipt_again(living: Living) -> None:
    token, item = living.applicant(1)
    key = new_key()
    first = living.post("authority", "application.submit", item, token, key=key).json()
    before = living.written("authority")
    again = living.post("authority", "application.submit", item, token, key=key)
    assert again.status_code == 200
    assert (again.json()["case"], again.json()["receipt"]) == (first["case"], first["receipt"])
    assert (first["repeated"], again.json()["repeated"]) == (False, True)
    assert living.written("authority") == before
