"""Projects and styles of QGIS, and the table of layers that every map for other programs is made of."""
