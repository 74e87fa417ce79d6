import sys
from unicodedata import category

from tocsin_server.domain.model.user_ids import is_user_id


def test_every_character_alone_is_an_id_unless_its_category_is_excluded() -> None:
    wrong = [
        f"{number:04x}"
        for number in range(sys.maxunicode + 1)
        if is_user_id(chr(number))
        == (category(chr(number)) in {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
    ]

    assert wrong == []


def test_an_id_has_one_to_128_characters_however_wide() -> None:
    for character in ("a", "é", "😀"):
        assert is_user_id(character)
        assert is_user_id(character * 128)
        assert not is_user_id(character * 129)
    assert not is_user_id("")
