"""Opaque tokens as text: base64 that is safe in a URL, without padding."""

from base64 import b64decode, urlsafe_b64encode


def encode_token(raw: bytes) -> str:
    """Returns bytes as a token."""
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def decode_token(text: str) -> bytes:
    """Returns the bytes of a token, empty where the text is no token.

    Each token has exactly one text: other alphabets, padding and stray bits are refused.
    """
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return raw if encode_token(raw) == text else b""
