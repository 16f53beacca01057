"""The identity word: the same at both ends, another for every person and every order, and no number can be read from it."""

import pytest

from safehand.link.identity_word import WORD_CHARACTERS, identity_word, word_fits

ORDER, NUMBER = "or_abcdefgh", "999999199001011239"


def test_the_word_is_the_one_of_the_treaty():
    assert identity_word(order="or_golden", id_number="99999919900101123X") == "4XI4"


def test_only_the_same_person_and_order_have_the_same_word():
    word = identity_word(order=ORDER, id_number=NUMBER)
    assert word_fits(order=ORDER, id_number=NUMBER, given=word)
    assert identity_word(order=ORDER, id_number=" 99999919900101123x ") == identity_word(
        order=ORDER, id_number="99999919900101123X"
    )
    assert not word_fits(order="or_abcdefgi", id_number=NUMBER, given=word)
    assert not word_fits(order=ORDER, id_number="999999199001011247", given=word)


@pytest.mark.parametrize("given", ["", "A", "词词词词", NUMBER, identity_word(order=ORDER, id_number="")])
def test_nothing_fits_an_unknown_person(given: str):
    assert not word_fits(order=ORDER, id_number="", given=given)
    assert not word_fits(order=ORDER, id_number=NUMBER, given=given)


def test_a_hundred_thousand_numbers_share_a_few_words_each():
    words: dict[str, int] = {}
    for sequence in range(100_000):
        word = identity_word(order=ORDER, id_number=f"999999{19400101 + sequence:08d}1234")
        words[word] = words.get(word, 0) + 1
    assert {len(word) for word in words} == {WORD_CHARACTERS}
    # 20 bits: nothing stands out, and nothing is unique in the space of all numbers.
    assert 90_000 < len(words) < 100_000
    assert max(words.values()) < 8
