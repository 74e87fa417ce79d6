import pytest
from tocsin_client.cli.sanitizing import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b]0;owned\x07 title", "\ufffd]0;owned\ufffd title"),
        ("\x9b31m red", "\ufffd31m red"),
        ("two\r\nlines\tand\x85more\u2028", "two  lines and more "),
        ("\x7f\x00", "\ufffd\ufffd"),
        ("\u202efdp.exe\u2066", "\ufffdfdp.exe\ufffd"),
        ("\u200ea\u200fb\u061cc", "\ufffda\ufffdb\ufffdc"),
        ("[bold red]no[/] :smile: ä 漢字", "[bold red]no[/] :smile: ä 漢字"),
        ("", ""),
    ],
)
def test_what_senders_write_is_shown_and_not_obeyed(written: str, shown: str) -> None:
    assert plain(written) == shown


# The ends of Default_Ignorable_Code_Point's ranges, and what only Unicode's categories tell.
@pytest.mark.parametrize(
    "number",
    [
        *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x180F),
        *(0x200B, 0x200C, 0x200D, 0x200F, 0x202A, 0x202E, 0x2060, 0x2065, 0x206F, 0x3164),
        *(0xFE00, 0xFE0E, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF0, 0xFFF8, 0x1BCA0, 0x1BCA3),
        *(0x1D173, 0x1D17A, 0xE0000, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF, 0xE0FFF),
        *(0xFFF9, 0xFFFB, 0x13430),
    ],
    ids="{:04X}".format,
)
def test_what_is_not_seen_does_not_hide(number: int) -> None:
    hidden = chr(number)

    assert plain(f"{hidden}ad{hidden}{hidden}min {hidden}") == "\ufffdad\ufffd\ufffdmin \ufffd"


@pytest.mark.parametrize(
    "number",
    [
        *(0x034E, 0x0350, 0x115E, 0x1161, 0x17B3, 0x17B6, 0x180A, 0x1810, 0x2010, 0x202F, 0x2070),
        *(0x3163, 0x3165, 0xFDFF, 0xFE10, 0xFF9F, 0xFFA1, 0xFFFC, 0x1D172, 0x1D17B, 0xE1000),
    ],
    ids="{:04X}".format,
)
def test_what_is_beside_what_is_not_seen_is_left_as_it_is(number: int) -> None:
    assert plain(f"a{chr(number)}b") in {f"a{chr(number)}b", "a b"}


@pytest.mark.parametrize(
    "written",
    [
        "👩\u200d🚒",
        "❤\ufe0f\u200d🔥 👩🏽\u200d🚒",
        "☎\ufe0e ☎\ufe0f",
        "1\ufe0f\u20e3 #\ufe0f\u20e3",
        "©\ufe0f",
    ],
    ids=["joined", "selected and joined", "selected", "keys", "a letter's sign"],
)
def test_emoji_are_left_as_they_are(written: str) -> None:
    assert plain(written) == written


@pytest.mark.parametrize(
    "written",
    [
        "\u0645\u06cc\u200c\u062e\u0648",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0915\u094d\u200d\u0937",
        "\u182d\u180b\u1820 \u182d\u180e\u1820",
        "\ud55c\uae00 \u1112\u1161\u11ab",
        "e\u0301",
        "\u06dd1",
    ],
    ids=["Persian", "Hebrew", "Hindi", "Mongolian", "Korean", "a combining mark", "an Arabic sign"],
)
def test_what_a_script_needs_is_left_as_it_is(written: str) -> None:
    assert plain(written) == written


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("👩\u200d\u200d🚒", "👩\u200d\ufffd🚒"),
        ("❤\ufe0f\ufe0f\ufe0e", "❤\ufe0f\ufffd\ufffd"),
        ("❤\u200d\ufe0f", "❤\u200d\ufffd"),
        ("a\ufe0f\u200d", "a\ufffd\ufffd"),
        ("ä\u200b\u200d\ufe0f", "ä\ufffd\ufffd\ufffd"),
        ("\u3000\u200d\ufe0f", " \ufffd\ufffd"),
        ("😀\ufe01\U000e0158\U000e0159", "😀\ufffd\ufffd\ufffd"),
        ("葛\U000e0100", "葛\ufffd"),
        ("\u182d\u180b\u180c", "\u182d\u180b\ufffd"),
        ("漢\u180b", "漢\ufffd"),
    ],
)
def test_what_forms_a_character_stays_once_and_behind_one_that_is_seen(
    written: str, shown: str
) -> None:
    assert plain(written) == shown
