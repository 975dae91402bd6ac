"""Keys and what is done with them: sealing bodies and persons, blind indexes, signatures. Stores only its key file.

AES-256-GCM with a fresh 96-bit nonce each time; HKDF-SHA256 gives every purpose, partner and period a key of its own;
HMAC-SHA256 makes tokens; Ed25519 signs the ledger.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from canonical_model.ids import canonical_json
from hub import durable

NONCE = 12


class Keyring:
    """All keys of a region, derived from one master key of 32 bytes."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise ValueError("the master key has 32 bytes")
        self._master = master
        self._cipher = lru_cache(maxsize=1024)(lambda purpose: AESGCM(self._hkdf(purpose)))
        self._signer = Ed25519PrivateKey.from_private_bytes(self._hkdf("ledger"))
        self._index = self._hkdf("blind-index")

    def _hkdf(self, purpose: str) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._master)

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Encrypted bytes, nonce first; `purpose` is bound to them."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher(purpose).encrypt(nonce, plain, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The plain bytes. Raises cryptography's InvalidTag when key, purpose or bytes are not those of `seal`."""
        return self._cipher(purpose).decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())

    def token(self, kind: str, *parts: object) -> str:
        """A name for a person or text that tells nothing to one without the key; the same for the same parts."""
        return hmac.digest(self._index, canonical_json([kind, *parts]), "sha256").hex()[:40]

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)

    def public_key(self) -> bytes:
        """Raw Ed25519 public key, for verifiers."""
        return self._signer.public_key().public_bytes_raw()


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """True when the signature is the key's over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


class KeyLost(Exception):
    """There is a store, and not the key that it was sealed with."""


def load_keyring(file: Path, may_make: bool = False) -> Keyring:
    """The key file's keyring; where there is none and `may_make`, a new one, readable by its owner only.

    Raises KeyLost: a new key opens nothing that an old one sealed.
    """
    if not file.exists():
        if not may_make:
            raise KeyLost(f"{file} is missing, and without it nothing here can be read: restore it from its backup")
        durable.make_folder(file.parent)
        durable.write_once(file, os.urandom(32))
    return Keyring(file.read_bytes())
