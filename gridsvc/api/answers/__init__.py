"""The shapes of answers, one module per noun, for /openapi.json and generated clients.

They are `TypedDict`s: an answer is the dict, or the text, that an operation returns. No answer is validated when it is
sent, so a shape costs nothing; tests hold the answers of every route against these shapes, further members forbidden.
A member that may be absent is `NotRequired`. Times are RFC 3339 with offset; units are in the names.
"""
