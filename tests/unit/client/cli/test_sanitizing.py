# ruff: noqa: RUF001  # letters of other scripts are what is tested
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_client.cli.sanitizing import plain, plain_title

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"

# What people and programs write, as it is; all of it has invisible characters or marks.
REAL = {
    "England, Scotland, Wales": f"{ENGLAND} 2:1 {SCOTLAND}, {WALES}",
    "a flag of two letters": "\U0001f1e9\U0001f1ea",
    "a firefighter": "👩🏽\u200d🚒",
    "a heart on fire": "❤\ufe0f\u200d🔥",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "text and emoji": "☎\ufe0e ☎\ufe0f ©\ufe0f",
    "keys of a telephone": "1\ufe0f\u20e3 #\ufe0f\u20e3 *\ufe0f\u20e3",
    "a Japanese name in its own form": "葛\U000e0100城市の辻\U000e0101さん",
    "a Japanese standardized variant": "神\ufe00社、\ufe00",
    "Khmer words": "កម្ពុជា\u200bជា\u200bប្រទេស\u200b",
    "Khmer beside digits": "ឆ្នាំ\u200b2026\u200bនេះ",
    "Khmer, a space typed twice": "ភាសា\u200b\u200bខ្មែរ",
    "Thai words": "ภาษา\u200bไทย",
    "Lao, Burmese, Tibetan": "ພາສາ\u200bລາວ မြန်မာ\u200bဘာသာ བོད\u200bསྐད",
    "a Japanese line that may break": "東京\u200b特許\u200b許可局",
    "German with soft hyphens": "Donau\u00addampf\u00adschiff",
    "Hindi with soft hyphens": "संपादकीय\u00adमंडल",
    "Hebrew with marks": "\u200fגרסה \u200eC++\u200e 17\u200f",
    "Arabic with marks": "\u200fهاتف: \u200e+49 30 1234\u200f",
    "an Arabic letter mark": "\u061c5 \u0645",
    "Hebrew, a Latin name isolated": "שלום \u2068Alice\u2069!",
    "English, a name isolated": "\u2068Alice\u2069 wrote to \u2068Bob\u2069",
    "English, a Hebrew name embedded": "From \u202bדוד כהן\u202c, \u2067שלום\u2069",
    "a telephone number that was copied": "\u202a+1 555 0100\u202c",
    "isolates inside each other": "\u2067א \u2066b \u2068ג\u2069\u2069\u2069",
    "Persian": "می\u200cخواهم",
    "Hindi joined": "क\u094d\u200dष",
    "Sinhala": "ශ්\u200dරී",
    "Malayalam": "ന്\u200d",
    "Mongolian": "\u182d\u180b\u1820 \u182d\u180e\u1820",
    "Korean, whole and of letters": "한글 \u1112\u1161\u11ab",
    "old Korean": "\u115f\u1161 \u1100\u1160\u11ab",
    "Hebrew points in order": "\u05d9\u05b0\u05e8\u05d5\u05bc\u05e9\u05c1\u05b8\u05dc\u05b7\u034f\u05b4\u05dd",
    "combining marks": "e\u0301 e\u0323\u034f\u0301",
    "a sign over Arabic digits": "\u06dd1 \u0600\u0661",
    "Braille": "\u2813\u2811\u2807\u2807\u2815\u2800\u283a\u2815\u2817\u2807\u2819",
    "Mathematics": "A \u2229\ufe00 B",
    "Egyptian hieroglyphs": "\U00013191\U00013430\U000130c0",
    "brackets and colons": "[bold red]no[/] :smile: ä 漢字 C:\\users",
    "nothing": "",
}


@pytest.mark.parametrize("written", REAL.values(), ids=REAL)
def test_real_text_is_shown_as_it_is(written: str) -> None:
    assert plain(written) == plain_title(written) == written


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b]0;owned\x07 title", r"\x1b]0;owned\x07 title"),
        ("\x1b[2J\x9b31m red", r"\x1b[2J\x9b31m red"),
        ("two\r\nlines\tand\x85more\u2028", "two  lines and more "),
        ("10\u202f000\u00a0€", "10 000 €"),
        ("\x7f\x00\b", r"\x7f\x00\x08"),
        ("\u202efdp.exe\u2066", r"\u202efdp.exe\u2066"),
        ("\u202efdp.exe\u202c", r"\u202efdp.exe\u202c"),
        ("\u202dשלום\u202c", r"\u202dשלום\u202c"),
        ("שלום \u2067אלי", r"שלום \u2067אלי"),
        ("שלום\u2069\u202c", r"שלום\u2069\u202c"),
        ("\u202bשלום\u2069", r"\u202bשלום\u2069"),
        ("\u2067שלום\u202c", r"\u2067שלום\u202c"),
        ("\u2067א\u202bב\u2069", "\u2067א\\u202bב\u2069"),
        ("\u202bא\u2067ב\u202c\u2069\u202c", "\u202bא\u2067ב\\u202c\u2069\u202c"),
        # In text of one direction they would only turn it around.
        (
            "\u2067\u2066fdp.\u2069\u2066exe\u2069\u2069",
            "\\u2067\u2066fdp.\u2069\u2066exe\u2069\\u2069",
        ),
        ("\u202bfdp.exe\u202c", r"\u202bfdp.exe\u202c"),
        ("\u200ea9 09\u200f 7f\u061c", r"\u200ea9 09\u200f 7f\u061c"),
        ("\ufeffid", r"\ufeffid"),
        ("\U000e0001tagged\U000e007f", r"\U000e0001tagged\U000e007f"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_dangerous_is_escaped(written: str, shown: str) -> None:
    assert plain(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("👩\u200d\u200d🚒", "👩\u200d\\u200d🚒"),
        ("❤\ufe0f\ufe0f\ufe0e", "❤\ufe0f\\ufe0f\\ufe0e"),
        ("❤\u200d\ufe0f", "❤\u200d\\ufe0f"),
        ("a\ufe0f\u200d", r"a\ufe0f\u200d"),
        ("ä\u200b\u200d\ufe0f", r"ä\u200b\u200d\ufe0f"),
        ("\u3000\u200d\ufe0f", r" \u200d\ufe0f"),
        ("😀\ufe01\U000e0158", r"😀\ufe01\U000e0158"),
        ("a\U000e0100", r"a\U000e0100"),
        ("葛\U000e0100\U000e0101", "葛\U000e0100\\U000e0101"),
        ("\u182d\u180b\u180c", "\u182d\u180b\\u180c"),
        ("漢\u180b", r"漢\u180b"),
        ("\u00adDonau\u00ad schiff\u00ad", r"\xadDonau\xad schiff\xad"),
        ("Donau\u00ad\u00addampf", r"Donau\xad\xaddampf"),
        ("pass\u200bword", r"pass\u200bword"),
        (WALES[:-1], r"🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073"),
        ("😀" + WALES[1:], "😀" + r"\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"),
        ("한\u1160\u115f", r"한\u1160\u115f"),
    ],
)
def test_what_a_script_does_not_need_where_it_stands_is_escaped(written: str, shown: str) -> None:
    assert plain(written) == shown


# The ends of Default_Ignorable_Code_Point's ranges, and what only Unicode's categories tell.
@pytest.mark.parametrize(
    "number",
    [
        *(0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x180F),
        *(0x200B, 0x200C, 0x200D, 0x200F, 0x202A, 0x202E, 0x2060, 0x2065, 0x206F, 0x3164),
        *(0xFE00, 0xFE0E, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0, 0xFFF8, 0x1BCA0, 0x1BCA3),
        *(0x1D173, 0x1D17A, 0xE0000, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF, 0xE0FFF),
        *(0xFFF9, 0xFFFB, 0x13430),
    ],
    ids="{:04X}".format,
)
def test_an_invisible_character_does_not_hide_in_a_word(number: int) -> None:
    hidden = chr(number)
    shown = f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"

    assert plain(f"{hidden}ad{hidden}{hidden}min {hidden}") == (
        f"{shown}ad{shown}{shown}min {shown}"
    )


@pytest.mark.parametrize(
    "number",
    [
        *(0x034E, 0x0350, 0x115E, 0x1161, 0x17B3, 0x17B6, 0x180A, 0x1810, 0x2010, 0x202F, 0x2070),
        *(0x3163, 0x3165, 0xFDFF, 0xFE10, 0xFF9F, 0xFFA1, 0xFFFC, 0x1D172, 0x1D17B, 0xE1000),
    ],
    ids="{:04X}".format,
)
def test_a_neighbour_of_the_invisible_characters_is_left_as_it_is(number: int) -> None:
    assert plain(f"a{chr(number)}b") in {f"a{chr(number)}b", "a b"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\u200b", r"\u200b"),
        ("\u2800\u2800", r"\u2800\u2800"),
        ("\u3164", r"\u3164"),
        ("\u115f\u1160", r"\u115f\u1160"),
        ("\uffa0\u00ad", r"\uffa0\xad"),
        ("  ", r"\x20\x20"),
        ("\u00a0\u2003\u3000", r"\xa0\u2003\u3000"),
        (" \u2068\u2069", r"\x20\u2068\u2069"),
    ],
)
def test_a_title_without_anything_visible_is_escaped(written: str, shown: str) -> None:
    assert plain_title(written) == shown


INVISIBLE = st.sampled_from(
    "\x1b\x07\x9b\u00ad\u034f\u061c\u115f\u1160\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b"
    "\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u3164\ufe00\ufe0e\ufe0f\ufeff\uffa0\u2800"
    "\U000e0067\U000e007f\U000e0100\U0001d173\U00013430"
)
VISIBLE = st.sampled_from("a1 \u0301é漢ខไאم\u1820\u1100\u1161😀🏴❤\U0001d100\U00013000\u05b4")
TEXTS = st.text(st.one_of(INVISIBLE, VISIBLE)) | st.text(st.characters(exclude_characters="\\"))

ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


@given(TEXTS)
def test_nothing_that_is_written_is_lost(text: str) -> None:
    restored = ESCAPE.sub(lambda found: chr(int(found[found.lastindex or 0], 16)), plain(text))

    assert restored == "".join(" " if each.isspace() else each for each in text)


@given(TEXTS)
def test_what_is_shown_once_is_shown_the_same_again(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(TEXTS)
def test_nothing_steers_the_terminal_or_turns_what_stands_beside_it(text: str) -> None:
    shown = plain(text)

    assert not [each for each in shown if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not {*"\u202d\u202e"} & {*shown}
    counts = Counter(shown)
    assert counts["\u202a"] + counts["\u202b"] == counts["\u202c"]
    assert counts["\u2066"] + counts["\u2067"] + counts["\u2068"] == counts["\u2069"]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1))
def test_what_is_visible_is_left_as_it_is(text: str) -> None:
    hidden = {*"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"}
    hidden |= {chr(number) for number in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}

    assert plain(text) == text or {*text} & hidden


@given(st.text(INVISIBLE | st.sampled_from(" \u00a0\u3000"), min_size=1))
def test_a_title_always_shows_something(text: str) -> None:
    assert plain_title(text).isascii()
    assert plain_title(text).strip()
