"""Opens the collections of /ogc in a headless QGIS and prints {collection: features}. Run by a Python that has QGIS.

Arguments: the address of /ogc, and the names of the collections.
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import QgsApplication, QgsVectorLayer  # type: ignore[import-not-found]


def main(root: str, *names: str) -> None:
    application = QgsApplication([], False)
    application.initQgis()
    seen = {}
    for name in names:
        layer = QgsVectorLayer(f"url='{root}' typename='{name}'", name, "OAPIF")
        fields = [field.name() for field in layer.fields()]
        seen[name] = {"valid": layer.isValid(), "features": len(list(layer.getFeatures())), "fields": fields}
    sys.stdout.write(json.dumps(seen))
    sys.stdout.flush()
    os._exit(0)  # Qt's own end may crash after the answer


main(*sys.argv[1:])
