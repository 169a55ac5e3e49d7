"""Response-time compliance over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from gridsvc.api.answers.compliance import Compliance
from gridsvc.api.http.lanes import in_queue
from gridsvc.api.http.openapi import answer
from gridsvc.api.http.requests import Text, service_of
from gridsvc.compliance.groups import DIMENSIONS
from gridsvc.errors import InvalidInput
from gridsvc.operations.compliance.figures import get_compliance
from gridsvc.operations.compliance.imported import Imported
from gridsvc.operations.compliance.question import Question

router = APIRouter(tags=["compliance"])

_MOST_CASES = 200_000
"""Of a period over HTTP; `gridsvc compliance` reads as many as there are."""

_POLICY = {
    "id": "received-to-lead-p90", "version": "19220016", "name": "接报至牵头队伍到场，90%",
    "name_en": "Report received to lead team on scene, 90 %", "start_event": "received",
    "stop_event": "lead_on_scene", "percentile": 90, "exclusions": ["drill"], "exclusions_not_recorded": [],
}  # fmt: skip
_ROW = {
    "group": {"township": "330703100000"}, "interval": "response_lead", "n": 181, "missing": 8, "censored": 0,
    "mean_s": 641.2, "p50_s": 416.0, "p90_s": 1420.0, "p90_low_s": 1202.0, "p90_high_s": 1659.0,
    "within_target_share": 0.790055, "impossible": 0, "recalled": 3, "doubtful": 1, "max_s": 3611.0,
    "p50_low_s": 391.0, "p50_high_s": 448.0, "p90_if_unknown_late_s": 1533.0, "p90_if_unknown_in_time_s": 1386.0,
    "p50_with_open_s": None, "p90_with_open_s": None, "p90_with_open_low_s": None, "p90_with_open_high_s": None,
    "within_target": 143, "with_target": 181, "within_target_low": 0.723489, "within_target_high": 0.846987,
    "within_target_if_unknown_late": 0.756614, "within_target_if_unknown_in_time": 0.798942,
}  # fmt: skip
_OUTCOME = {
    "group": {"township": "330703100000"}, "cases": 192, "met": 143, "late": 38, "missing": 8, "open": 0,
    "not_timed": 3, "target_s": 900, "met_share": 0.790055, "met_share_low": 0.723489, "met_share_high": 0.846987,
    "met_share_if_missing_late": 0.756614, "met_share_if_missing_met": 0.798942, "asked_share": 0.9, "reached": False,
    "percentile_n": 181, "percentile_s": 1420.0, "percentile_low_s": 1202.0, "percentile_high_s": 1659.0,
    "rank_from": 1, "rank_to": 10,
}  # fmt: skip
_CASES = {
    "all": 196, "counted": 192, "left_out": {"routine": 0, "drill": 4}, "synthetic": 0,
    "recorded_under": [{"policy": "received-to-lead-p90", "version": "19220016", "cases": 192}],
}  # fmt: skip
_EXAMPLE = {
    "district": "330703", "policy": "received-to-lead-p90", "clock": _POLICY, "source": "live",
    "since": "2026-01-01T00:00:00+08:00", "until": None, "as_of": "2026-07-01T00:00:00+00:00",
    "time_zone": "Asia/Shanghai", "confidence": 0.95, "by": ["township"], "cases": _CASES, "rows": [_ROW],
    "outcomes": [_OUTCOME], "names": {"township": {"330703100000": "孝顺镇"}}, "trend": None,
}  # fmt: skip


class Asked(BaseModel):
    """The query of GET /compliance."""

    district: Text | None = None
    since: Text | None = Field(None, description="Cases received from then on: a date of the district, or RFC 3339.")
    until: Text | None = Field(None, description="Cases received before then.")
    by: Text | None = Field(None, description=f"Up to three of {', '.join(DIMENSIONS)}; joined by commas.")
    policy: Text | None = Field(None, description="A clock policy; without it the default one.")
    against: Text | None = Field(None, description="A second clock policy beside it.")
    compare: Text | None = Field(None, description="An earlier period: `previous`, or `SINCE/UNTIL`.")
    trend: Text | None = Field(None, description="The unit of the trend: day, week or month.")
    imported: bool = Field(
        default=False, description="The cases of other systems that were loaded, instead of this service's."
    )
    only: Text | None = Field(None, description="Of the imported files, the one whose digest begins so.")

    def question(self) -> Question:
        """Return what is asked."""
        by = tuple(word.strip() for word in (self.by or "").split(",") if word.strip())
        return Question(self.since, self.until, by, self.policy, self.against, self.compare, self.trend)

    def imports(self) -> Imported | None:
        """Return which imported cases are asked for; None: live ones."""
        if self.only is not None and not self.imported:
            raise InvalidInput(
                "`only` chooses among imported files. Give `imported=true`, too.", kind="only-without-imported"
            )
        return Imported(self.only) if self.imported else None


@router.get(
    "/compliance",
    summary="Whether responses made their targets: intervals, shares in time, and what is not known",
    responses=answer(Compliance, _EXAMPLE),
)
@in_queue("lists")
def get_figures(request: Request, asked: Annotated[Asked, Query()]) -> Response:
    """Return the figures of the emergencies that the caller may see: live ones, or imported ones."""
    imported = asked.imports()
    service, question = service_of(request), asked.question()
    return JSONResponse(get_compliance(service, asked.district, question, imported=imported, most=_MOST_CASES))
