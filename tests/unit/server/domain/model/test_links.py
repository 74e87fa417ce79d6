from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_server.domain.model import links
from tocsin_server.domain.model.links import link_problem


@pytest.mark.parametrize(
    "link",
    [
        "/",
        "/leads/42",
        "/leads?state=new&owner=a@b#top",
        "/a b",
        "/a//b",
        "/@someone",
        "/ü/日本",
        "http://example.com",
        "https://example.com/",
        "https://example.com:8443/leads/42?a=b#c",
        "HTTPS://EXAMPLE.COM/",
        "Http://example.com",
        "http://localhost:3000",
        "http://127.0.0.1/",
        "http://[::1]/",
        "https://[2001:db8::1]:8443/leads",
        "https://example.com/@someone",
        "https://example.com?to=a@b",
        "https://bücher.example/",
        "https://example.com//two",
        "http://h.",
        "https://example.com./",
        "https://example.com.:8443/leads",
        "http://127.0.0.1./",
    ],
)
def test_a_link_to_a_web_page_or_a_path_of_the_application_is_good(link: str) -> None:
    assert link_problem(link) is None


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "javascript://example.com/%0Aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox",
        "file:///etc/passwd",
        "ftp://example.com/",
        "mailto:a@example.com",
        "blob:https://example.com/1",
        "leads/42",
        "example.com",
        "?a=b",
        "#top",
        ".",
    ],
)
def test_a_link_of_another_scheme_or_of_none_is_refused(link: str) -> None:
    assert link_problem(link) == "must be http, https, or a path that starts with one slash"


@pytest.mark.parametrize("link", ["//evil.com", "///evil.com", "//", "//evil.com/leads"])
def test_a_path_of_another_host_is_refused(link: str) -> None:
    assert link_problem(link) == "must not start with two slashes"


@pytest.mark.parametrize(
    "link",
    [
        "/\\evil.com",
        "\\\\evil.com",
        "/\\/evil.com",
        "http:\\\\evil.com",
        "http://example.com\\@evil.com",
        "https:/\\evil.com",
        " /leads",
        "/leads ",
        " https://example.com",
    ],
)
def test_backslashes_and_spaces_around_are_refused(link: str) -> None:
    assert link_problem(link) == "must not contain backslashes or start or end with spaces"


@pytest.mark.parametrize(
    "link",
    [
        "java\nscript:alert(1)",
        "\tjavascript:alert(1)",
        "/\t/evil.com",
        "/\n/evil.com",
        "/\r\n/evil.com",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\x85",
        "/leads\u2028",
        "/leads\u2029more",
        "/\u202emoc.live",
        "\ufeff/leads",
        "/lea\u200bds",
    ],
)
def test_control_and_format_characters_are_refused(link: str) -> None:
    assert link_problem(link) == "must not contain control characters"


@pytest.mark.parametrize(
    "link",
    [
        "https:evil.com",
        "https:/evil.com",
        "https:///evil.com",
        "http:",
        "http://",
        "http:///",
        "http://:80/",
        "https://?a=b",
        "https://#top",
    ],
)
def test_a_web_address_without_a_host_is_refused(link: str) -> None:
    assert link_problem(link) == "must have a host"


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com@evil.com/",
        "https://user:password@example.com/",
        "https://@evil.com/",
        "https://user@[::1]/",
    ],
)
def test_user_info_is_refused(link: str) -> None:
    assert link_problem(link) == "must not contain user info"


@pytest.mark.parametrize(
    "link",
    [
        "http://[::1",
        "http://::1]/",
        "http://[not-an-address]/",
        "http://[::1]evil.com/",
        "http://[::1]./",
        "http://good.com[::1]/",
        "http://example.com:port/",
        "http://example.com:65536/",
        "http://example.com\uff0fevil.com/",
        "http://example\u2100.com/",
    ],
)
def test_what_is_no_url_at_all_is_refused(link: str) -> None:
    assert link_problem(link) == "is not a valid URL"


@pytest.mark.parametrize("link", ["\u00a0https://example.com", "\u3000//evil.com", "/leads\u2003"])
def test_spaces_that_are_not_plain_are_refused_around_a_link(link: str) -> None:
    assert link_problem(link) is not None


@pytest.mark.parametrize(
    "link", ["http://exa mple.com/", "http:// example.com/", "http://example.com /"]
)
def test_a_host_with_a_space_is_refused(link: str) -> None:
    assert link_problem(link) is not None


@pytest.mark.parametrize(
    "link",
    [
        "/.//evil.com",
        "/..//evil.com",
        "/././/evil.com",
        "/%2e//evil.com",
        "/%2E%2e//evil.com",
        "/.%2e//evil.com",
        "/a/..//evil.com",
        "/a/b/../..//evil.com",
        "/..//",
        "/a/..//..//evil.com/..",
        "/.//evil.com?a=b",
        "/.//evil.com#top",
    ],
)
def test_a_path_that_resolves_to_another_host_is_refused(link: str) -> None:
    assert link_problem(link) == "must not start with two slashes"


@pytest.mark.parametrize(
    "link",
    ["/.", "/..", "/./leads", "/../leads", "/a/..", "/a/../b", "/a/.//b", "/?to=/.//x", "/#//"],
)
def test_a_path_with_dots_that_stays_where_it_is_is_good(link: str) -> None:
    assert link_problem(link) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://..",
        "https://.",
        "https://../leads",
        "https://.example.com/",
        "https://example..com/",
        "https://example.com../",
        "https://example.com\u3002",
        "https://example.com\u3002./",
        "https://.:80/",
        "https://example\u3002\u3002com/",
        "https://good.com%00.evil.com/",
        "https://good.com%0a.evil.com/",
        "https://good.com%2f.evil.com/",
        "https://good.com%7f/",
        "https://%65vil.com/",
        "https://good.com%",
        "https://[fe80::1%25eth0]/",
        "https://good.com|evil.com/",
    ],
)
def test_a_host_with_an_empty_label_or_an_encoded_character_is_refused(link: str) -> None:
    assert link_problem(link) == (
        "must have a host of labels between single dots, nothing of it percent-encoded"
    )


segments = st.sampled_from(["", ".", "..", "%2e", "%2E.", "a", "evil.com", "%2e%2e"])


@given(st.lists(segments, min_size=1, max_size=6).map("/".join).map("/{}".format))
def test_a_path_that_passes_stays_on_its_host_however_it_is_resolved(path: str) -> None:
    decoded = path.replace("%2e", ".").replace("%2E", ".")
    resolved = urljoin("https://application.example/x/y", decoded)

    if link_problem(path) is None:
        assert resolved.startswith("https://application.example/")
        assert not resolved.startswith("https://application.example//")


names = st.sampled_from(["good", "com", "", "%00", "%2f", "a%", "xn--e1afmkfd"])


@given(st.lists(names, min_size=1, max_size=4))
def test_a_host_that_passes_has_labels_alone_and_at_most_one_dot_at_its_end(
    parts: list[str],
) -> None:
    labels = parts[:-1] if len(parts) > 1 and not parts[-1] else parts
    good = all(label and "%" not in label for label in labels)

    assert (link_problem("https://" + ".".join(parts) + "/leads") is None) == good
    assert (link_problem("HTTPS://" + ".".join(parts)) is None) == good


@given(st.from_regex(links._ORDINARY, fullmatch=True))
def test_what_passes_the_quick_check_passes_the_full_one(link: str) -> None:
    assert links._closer_look(link) is None
