"""Pages that stand alone: text, tables, charts and maps as HTML and SVG, drawn from plain values."""
