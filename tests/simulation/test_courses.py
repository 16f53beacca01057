"""Rare courses: they are played until they must wait, go on once what they wait for holds, and are given up in the end."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from safehand.kernel.machine import StreamKey
from safehand.simulation import courses
from safehand.simulation.courses import Course, Courses, Scene, Until
from safehand.simulation.crowd import Deed

NOW = datetime(2024, 5, 6, tzinfo=UTC)
KEY = StreamKey(310000, "or_one")
LOOKS = 3


class Street:
    """One item at the post, and a course that waits until it is there."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"delivery": {"state": "with_courier"}}
        self.courses = Courses(chance=random.Random(1), code=str, agents_code=str)

    def act(self, house: str, key: StreamKey, action: str, fields: Any) -> Deed:
        return Deed(house=house, person={}, action=action, item=dict(fields), key=action)

    def begun(self) -> list[str]:
        found = self.courses.begin({"post": [KEY]}, lambda house, key: self.state, self.act, {}, NOW)
        return [deed.action for deed in found]

    def went_on(self) -> list[str]:
        return [deed.action for deed in self.courses.go_on()]


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    def acts(s: Scene) -> Iterator[Deed | Until]:
        yield s.post("delivery.fail")
        yield s.until_item(delivery="held")._replace(looks=LOOKS)
        yield s.post("delivery.claim_at_counter")
        yield s.until_item(delivery="held")
        yield s.post("delivery.void")

    fits = courses._item(delivery="with_courier")
    monkeypatch.setattr(courses, "COURSES", (Course("post", "or_", fits, acts, 1, 1),))
    return Street()


def test_a_course_waits_until_the_item_is_where_it_goes_on(street: Street) -> None:
    assert street.begun() == ["delivery.fail"]
    assert street.went_on() == []
    street.state = {"delivery": {"state": "held"}}
    assert street.went_on() == ["delivery.claim_at_counter", "delivery.void"], "what holds is not waited for"
    assert street.went_on() == [], "it has come to its end"


def test_a_course_that_waits_too_long_is_given_up(street: Street) -> None:
    assert street.begun() == ["delivery.fail"]
    assert [street.went_on() for _ in range(LOOKS)] == [[]] * LOOKS
    street.state = {"delivery": {"state": "held"}}
    assert street.went_on() == []


def test_a_course_is_played_as_often_as_it_says_and_no_more(street: Street) -> None:
    assert street.begun() == ["delivery.fail"]
    assert street.begun() == []


def test_what_another_course_of_the_same_moment_changed_is_looked_at_again(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courses, "COURSES", (*courses.COURSES, *courses.COURSES))
    other = StreamKey(310000, "or_two")

    def acts() -> Iterator[str]:
        look, streams = (lambda house, key: street.state), {"post": [KEY, other]}
        for deed in street.courses.begin(streams, look, street.act, {}, NOW, at_once=2):
            yield deed.action
            street.state = {"delivery": {"state": "delivered"}}

    assert list(acts()) == ["delivery.fail"]


def test_nothing_begins_with_what_people_do_not_touch(street: Street) -> None:
    street.courses = Courses(
        chance=random.Random(1), code=str, agents_code=str, fits=lambda house, key: house != "post"
    )
    assert street.begun() == []


def test_whoever_is_at_the_office_is_sent_to_the_door_first() -> None:
    at_door = [course for course in courses.COURSES if course.acts.__name__ == "with_courier"]
    assert len(at_door) > 10
    street = Street()
    street.state = {"delivery": {"state": "at_office"}}
    for course in at_door:
        scene = Scene(
            key=KEY,
            look=lambda house, key: street.state,
            act=street.act,
            chance=random.Random(1),
            code=str,
            agents_code=str,
        )
        first = next(course.acts(scene))
        assert isinstance(first, Deed)
        assert first.action == "delivery.take_out"
