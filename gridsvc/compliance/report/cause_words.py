"""The words of section 3 of the report, why responses were late, in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, str]] = {
    "causes": ("三、为什么迟到", "3. Why late"),
    "causes_note": (
        (
            "每件迟到案件超出时限的秒数按环节拆分，各部分之和等于总数；占比最大的为主因。城区、城乡分别统计；每件案件按其受"
            "理时的计时规则判断迟到。"
        ),
        (
            "The seconds by which a case was late are divided by cause and add up; the largest part is its main "
            "cause. Urban and rural cases are counted separately; each case is late by the clock policy that it was "
            "reported under."
        ),
    ),
    "causes_of": (
        "迟到 {late} 件，其中 {uncertain} 件缺出发时间或先后颠倒，出动与行驶不能分开。",
        (
            "{late} late cases; in {uncertain} of them “en route” is missing or impossible, so that turnout and "
            "travel cannot be separated."
        ),
    ),
    "causes_file": (
        "外部导出文件没有派遣决定，不能分析原因。",
        "An export has no decisions of dispatch: causes are not known.",
    ),
    "causes_none": ("本期没有迟到案件。", "No case was late in this period."),
    "cause": ("主因", "main cause"),
    "main_cases": (
        "主因案件数（占迟到案件，95% 区间）",
        "cases with this main cause (share of late ones, 95 % interval)",
    ),
    "seconds": ("超出时限合计（占全部，95% 区间）", "lateness, hours (share of all, 95 % interval)"),
    "touched": ("涉及案件数", "cases with a part of it"),
    "figure_causes": ("图5{0}　迟到案件的主因", "Figure 5{0}. Main causes of late cases"),
    "figure_causes_note": (
        "条：以此为主因的案件占迟到案件的比例；横线：95% 区间；浅色：少于 10 件的比例；右侧：件数/迟到案件数 n。",
        (
            "Bars: share of the late cases that have this main cause; lines: 95 % interval; light: a share of fewer "
            "than 10 late cases; right: cases / late cases (n)."
        ),
    ),
    "cause_handling": ("接报到派单", "call handling"),
    "cause_no-team-free": ("最近的合法队伍被占用", "nearest lawful team busy"),
    "cause_re-assignment": ("改派", "re-assignment"),
    "cause_sign-off": ("签收", "sign-off"),
    "cause_turnout": ("出动", "turnout"),
    "cause_travel": ("行驶", "travel"),
    "cause_turnout-or-travel": ("出动或行驶（缺出发时间）", "turnout or travel (no “en route”)"),
    "cause_wrong-place": ("地点有误", "wrong place"),
    "cause_far-station": ("驻点太远", "far station"),
    "remedies": ("若当时……，可按时的案件数", "In how many late cases this would have been enough"),
    "remedies_note": (
        "每一项单独假设，按当时记录的法定职责、队伍、道路和封路重新计算。分母是该假设适用的迟到案件，可能少于上表的涉及案件数：到场的就是最近的队伍时，“最近的合法队伍空闲”不适用。",
        (
            "Each line alone, computed again by the law, teams, roads and closures of then. The number after the "
            "stroke is that of the late cases to which it applies; it can be below the number of "
            "cases above: where the nearest team came, “had been free” says nothing."
        ),
    ),
    "remedy": ("假设", "if"),
    "remedy_met": ("可按时（占适用案件，95% 区间）", "in time (of those it applies to, 95 % interval)"),
    "remedy_handling": ("接报到派单按计划用时", "call handling as planned"),
    "remedy_re-assignment": ("一开始就派最终到场的队伍", "the team that came had been sent first"),
    "remedy_sign-off": ("签收按计划", "sign-off as planned"),
    "remedy_turnout": ("出动按计划", "turnout as planned"),
    "remedy_travel": ("行驶按预计", "travel as predicted"),
    "remedy_turnout-or-travel": ("出动与行驶合计按计划", "turnout and travel together as planned"),
    "remedy_wrong-place": ("地点正确，行驶按预计", "the right place, travel as predicted"),
    "remedy_recommended-team": ("派出推荐的队伍", "the recommended team had been sent"),
    "remedy_nearest-team-free": ("最近的合法队伍空闲", "the nearest lawful team had been free"),
    "remedy_other-station": ("从最近的驻点（任何单位）出动", "from the nearest station of any unit"),
}
