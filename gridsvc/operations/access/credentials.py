"""The texts that prove who a caller is: keys, session tokens and one-time codes.

A key is `gs_<id>_<secret>`: 60 bits to look it up, 200 bits that only its owner has. The database stores an argon2id
hash of the secret. Both parts are random, so a leaked hash alone does not give the key away.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 of them; without l, o, 0 and 1, which are easily misread
ID_LENGTH, SECRET_LENGTH = 12, 40
_KEY = re.compile(rf"gs_([{_LETTERS}]{{{ID_LENGTH}}})_([{_LETTERS}]{{{SECRET_LENGTH}}})")
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def random_letters(count: int) -> str:
    """Return `count` random letters of five bits each, none of which is easily misread."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def parse_key(text: str) -> tuple[str, str] | None:
    """Return (id, secret) of a text in the form of a key; None for any other text."""
    found = _KEY.fullmatch(text)
    return None if found is None else (found[1], found[2])


def is_key(text: str) -> bool:
    """Return whether a text has the prefix of a key; the tokens of sessions and devices have other forms."""
    return text.startswith("gs_")


def hash_secret(secret: str) -> str:
    """Return the argon2id hash of a secret: 19 MiB, two passes (OWASP), about 20 ms."""
    return _hasher.hash(secret)


def verify_secret(secret_hash: str, secret: str) -> bool:
    """Return whether a hash was made of this secret; a wrong secret takes as long as the right one."""
    try:
        return _hasher.verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


def token_digest(token: str) -> bytes:
    """Return the SHA-256 under which a random token or code is stored; 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def csrf_token(session_token: str) -> str:
    """Return the token that a page sends beside the session cookie with every write.

    It is derived from the session's token, so only the session's own pages know it.
    """
    return hashlib.blake2b(session_token.encode(), digest_size=18, person=b"gridsvc-csrf").hexdigest()
