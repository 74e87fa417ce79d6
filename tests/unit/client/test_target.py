import pytest
import trustme
from tocsin_client._target import parse_target

ROOTS = trustme.CA().cert_pem.bytes()


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("127.0.0.1:50051", "dns:///127.0.0.1:50051"),
        ("tocsin.example:443", "dns:///tocsin.example:443"),
        ("unix-abstract:50051", "dns:///unix-abstract:50051"),
        ("a?b:1", "dns:///a%3Fb:1"),
        ("[::1]:50051", "[::1]:50051"),
        ("unix:tocsin.sock", "unix:tocsin.sock"),
        ("unix:///run/t", "unix:///run/t"),
    ],
)
def test_a_target_is_what_grpc_calls_it(target: str, address: str) -> None:
    parsed = parse_target(target)

    assert parsed.address == address
    assert parsed.credentials is None


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("tls://tocsin.example:443", "dns:///tocsin.example:443"),
        ("tls://[::1]:50051", "[::1]:50051"),
    ],
)
@pytest.mark.parametrize("root_certificates", [None, ROOTS, "é\n".encode() + ROOTS])
def test_a_target_with_tls_has_credentials(
    target: str, address: str, root_certificates: bytes | None
) -> None:
    parsed = parse_target(target, root_certificates)

    assert parsed.address == address
    assert parsed.credentials is not None


@pytest.mark.parametrize(
    "target",
    ["", "localhost", "localhost:", ":50051", "::1:50051", "host:0", "host:65536", "unix:",
     "http://localhost:50051", "host:1 ", "a:1,b:2", "\udcff:1", "unix:\udcff", "tls://",
     "tls://host", "tls://host:0", "tls://unix:path", "tls:host:1", "TLS://host:1"],
)  # fmt: skip
def test_another_form_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="neither host:port nor unix:path nor tls://host:port"):
        parse_target(target)


def test_what_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError, match="target must be a string, not NoneType"):
        parse_target(None)  # type: ignore[arg-type]  # a user's mistake
    with pytest.raises(TypeError, match="root_certificates must be bytes, not str"):
        parse_target("tls://host:1", ROOTS.decode())  # type: ignore[arg-type]  # a user's mistake


@pytest.mark.parametrize("prefix", ["unix:/", "unix:///"])
def test_a_path_that_no_socket_can_have_is_refused(prefix: str) -> None:
    assert parse_target(prefix + "a" * 106).address

    with pytest.raises(ValueError, match="a path of more than 107 bytes"):
        parse_target(prefix + "é" * 53 + "a")


@pytest.mark.parametrize("target", ["host:1", "unix:path"])
def test_root_certificates_without_tls_are_refused(target: str) -> None:
    with pytest.raises(ValueError, match="root_certificates are for tls://host:port"):
        parse_target(target, ROOTS)


@pytest.mark.parametrize(
    "certificates", [b"", b"no PEM", b"-----BEGIN PRIVATE KEY-----", ROOTS.replace(b"A", b"B")]
)
def test_root_certificates_that_are_none_are_refused(certificates: bytes) -> None:
    with pytest.raises(ValueError, match="no certificates in PEM form"):
        parse_target("tls://host:1", certificates)
