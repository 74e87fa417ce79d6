from tocsin_server.domain.model.idempotency import body_digest

from tests.support.building import request


def test_a_request_is_named_by_tenant_caller_rpc_and_id_and_not_by_its_body() -> None:
    request_key = request("r-1", b"body")

    assert request_key.name == request("r-1", b"other").name
    assert request_key.name not in {
        request("r-2", b"body").name,
        request("r-1", b"body", tenant="other").name,
        request("r-1", b"body", caller="other").name,
        request("r-1", b"body", rpc="CreateChannel").name,
    }


def test_a_digest_has_sixteen_bytes_that_tell_bodies_apart() -> None:
    digests = {body_digest(body) for body in (b"", b"a", b"b", b"ab")}

    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {16}
