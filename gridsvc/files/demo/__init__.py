"""The demo district: a synthetic Jindong with real names and codes, or a real place out of one OpenStreetMap file.

Everything here is made from a seed and a file; nothing touches the database or the network. `operations.demo`
loads what these functions return through the same doors as a user's own data.
"""

from __future__ import annotations

from gridsvc.files.demo.place import Address, DemoPlace, Post, Settlement

__all__ = ["Address", "DemoPlace", "Post", "Settlement"]
