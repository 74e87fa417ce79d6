from tocsin_client.cli.stdin import LINE_BYTES, Line, LineSplitter


def cut(*chunks: bytes) -> list[Line]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.take(chunk)]
    return [*lines, *splitter.end()]


def test_lines_are_numbered_from_one() -> None:
    assert cut(b"one\n\ntwo\n") == [Line(1, b"one"), Line(2, b""), Line(3, b"two")]


def test_a_line_may_come_in_pieces() -> None:
    assert cut(b"o", b"n", b"e\ntw", b"o\n") == [Line(1, b"one"), Line(2, b"two")]


def test_the_last_line_needs_no_end() -> None:
    assert cut(b"one\ntwo") == [Line(1, b"one"), Line(2, b"two")]


def test_a_byte_order_mark_is_none_of_the_first_line() -> None:
    assert cut(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo") == [
        Line(1, b"one"),
        Line(2, b"\xef\xbb\xbftwo"),
    ]
    assert cut(b"\xef", b"\xbb\xbfone") == [Line(1, b"one")]
    assert cut(b"\xef\xbb\xbf\n") == [Line(1, b"")]


def test_a_line_is_returned_as_soon_as_it_ends() -> None:
    splitter = LineSplitter()

    assert list(splitter.take(b"one\ntw")) == [Line(1, b"one")]
    assert list(splitter.take(b"o\n")) == [Line(2, b"two")]


def test_a_line_that_is_too_long_is_dropped_and_the_rest_goes_on() -> None:
    piece = b"x" * 65_536
    pieces = [piece] * (LINE_BYTES // len(piece))

    assert cut(*pieces, b"\n", b"two\n")[1:] == [Line(2, b"two")]
    assert cut(*pieces, b"x\ntwo\n") == [Line(1, None), Line(2, b"two")]
    assert cut(*pieces, *pieces, b"\n", b"two") == [Line(1, None), Line(2, b"two")]
    assert cut(*pieces, b"x") == [Line(1, None)]


def test_of_a_line_that_is_too_long_little_is_held() -> None:
    splitter = LineSplitter()

    for _ in range(100):
        assert not list(splitter.take(b"x" * 65_536))

    assert len(splitter._line) <= LINE_BYTES
