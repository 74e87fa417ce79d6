"""Which texts can be the ids of users.

They are the calling application's, often an identity provider's, and are
compared as they are.
"""

import re
from unicodedata import category

from tocsin_server.domain.model.limits import USER_ID_CHARACTERS, USER_ID_EXCLUDED

_ORDINARY = re.compile(f"[!-~]{{1,{USER_ID_CHARACTERS}}}")
"""What nearly all ids look like: visible characters of ASCII."""


def is_user_id(text: str) -> bool:
    """Tells whether a text can be the id of a user."""
    if _ORDINARY.fullmatch(text):
        return True
    return 0 < len(text) <= USER_ID_CHARACTERS and not any(
        category(character) in USER_ID_EXCLUDED for character in text
    )
