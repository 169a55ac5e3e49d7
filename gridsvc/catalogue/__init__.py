"""The law as data: units, fields, matters, and which unit is competent for a matter on a date."""

from __future__ import annotations

from gridsvc.catalogue.law import (
    BUREAU,
    TOWNSHIP_UNIT_PREFIX,
    Catalogue,
    Competence,
    CompetenceLevel,
    CompetentUnit,
    Field,
    Matter,
    Unit,
    UnitKind,
    canonical_json,
    competences_by_approval,
    township_unit,
)
from gridsvc.catalogue.printed import CatalogueReport, PrintedTotals, SumDifference, compare_with_print

__all__ = [
    "BUREAU",
    "TOWNSHIP_UNIT_PREFIX",
    "Catalogue",
    "CatalogueReport",
    "Competence",
    "CompetenceLevel",
    "CompetentUnit",
    "Field",
    "Matter",
    "PrintedTotals",
    "SumDifference",
    "Unit",
    "UnitKind",
    "canonical_json",
    "compare_with_print",
    "competences_by_approval",
    "township_unit",
]
