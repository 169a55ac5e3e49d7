"""The demo district: a user of the operations, not a part of them."""
