"""Addresses labelled before the grammar was written: the right township, and nothing that is confidently wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

LABELLED = Path(__file__).with_name("labelled.tsv")
DIGEST = "8c8adae8a9fc6caac037162d99d44a705e2d243090d5e0f39d1ca8d2236f05aa"


def test_labels_are_those_that_were_frozen_before_tuning() -> None:
    assert hashlib.sha256(LABELLED.read_bytes()).hexdigest() == DIGEST
