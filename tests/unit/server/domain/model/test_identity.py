from tocsin_server.domain.model.identity import InboxKey


def test_a_digest_tells_tenants_and_users_apart() -> None:
    keys = [
        InboxKey("default", "alice"),
        InboxKey("default", "bob"),
        InboxKey("other", "alice"),
        InboxKey("defaulta", "lice"),
        InboxKey("", "default.alice"),
    ]

    assert len({key.digest() for key in keys}) == len(keys)
    assert {len(key.digest()) for key in keys} == {8}
