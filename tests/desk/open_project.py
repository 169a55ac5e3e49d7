"""Opens a project in a headless QGIS and prints what a person would see, as JSON. Run by a Python that has QGIS.

Arguments: the project, a folder of .qml files, and an image to draw.
"""

import json
import os
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QSize  # type: ignore[import-not-found]
from qgis.PyQt.QtGui import QColor  # type: ignore[import-not-found]


def main(project_file: str, styles: str, image: str) -> None:
    application = QgsApplication([], False)
    application.initQgis()
    project = QgsProject.instance()
    read = project.read(project_file)
    seen = {}
    for node in project.layerTreeRoot().findLayers():
        layer = node.layer()
        features = list(layer.getFeatures())
        seen[layer.id()] = {
            "valid": layer.isValid(),
            "features": len(features),
            "ids": len({feature["id"] for feature in features}),
            "kind": QgsWkbTypes.displayString(layer.wkbType()),
            "crs": layer.crs().authid(),
            "legend": [item.label() for item in layer.renderer().legendSymbolItems()],
            "label": layer.labeling().settings().fieldName if layer.labelsEnabled() else None,
            "read_only": layer.readOnly(),
            "shown": node.isVisible(),
        }
    qml = {}
    for style in sorted(Path(styles).glob("*.qml")):
        kind = {"P": "Point", "L": "LineString", "M": "MultiPolygon"}[seen["gridsvc_" + style.stem]["kind"][0]]
        field = "field=kind:string(20)&field=status:string(20)&field=urgency:string(20)&field=class:string(20)"
        probe = QgsVectorLayer(f"{kind}?crs=EPSG:4326&{field}", "probe", "memory")
        words, good = probe.loadNamedStyle(str(style))
        qml[style.stem] = {"good": good, "words": words, "legend": len(probe.renderer().legendSymbolItems())}
    settings = QgsMapSettings()
    settings.setLayers([node.layer() for node in project.layerTreeRoot().findLayers() if node.isVisible()])
    settings.setDestinationCrs(project.crs())
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setOutputSize(QSize(600, 600))
    settings.setExtent(project.mapLayer("gridsvc_grid_township").extent())
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    picture = job.renderedImage()
    picture.save(image)
    colours = {picture.pixelColor(x, y).name() for x in range(0, 600, 2) for y in range(0, 600, 2)}
    answer = {"read": read, "crs": project.crs().authid(), "layers": seen, "qml": qml, "colours": sorted(colours)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # Qt's own end may crash after the answer


main(*sys.argv[1:])
