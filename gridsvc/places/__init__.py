"""Descriptions of places in words: the gazetteer, the grammar of addresses, and the candidates that an answer is."""
