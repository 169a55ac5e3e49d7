"""The words of the report in Chinese and English: each head says what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("zh", "en")

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("响应时限达标报告", "Response times: did we make it"),
    "synthetic": (
        "演示数据：案件、队伍和道路均为合成，不是真实情况。",
        "Demo: cases, teams and roads are made up. Nothing here is real.",
    ),
    "period": ("统计期间", "Period"),
    "whole": ("全部记录", "all that is recorded"),
    "from": ("自 {0}", "from {0}"),
    "before": ("至 {0} 之前", "before {0}"),
    "policy": ("计时规则", "Clock policy"),
    "policy_line": (
        "{name}（{id}，版本 {version}）：应有 {percent}% 的案件在时限内到场。",
        "{name} ({id}, version {version}): {percent} % of the cases should be in time.",
    ),
    "as_of": ("数据截至", "Data as of"),
    "basis": ("依据", "Made of"),
    "basis_line": (
        "{cases} 件案件、{teams} 次出动，数据摘要 SHA-256 {digest}…",
        "{cases} cases and {teams} turnouts of teams, SHA-256 {digest}…",
    ),
    "source_file": ("外部导出文件（非本系统案件）", "an export of another system, not cases of this one"),
    "source_imported": (
        "导入的其他系统历史案件（非本系统案件）",
        "imported history of another system, not cases of this one",
    ),
    "import": ("导入文件", "Imported file"),
    "import_line": ("{name}：{cases} 起，摘要 {digest}", "{name}: {cases} cases, digest {digest}"),
    "findings": ("结论与下一步", "What was found, and what to do next"),
    "find_reached": (
        "{cls}：按时到场 {share}（{met}/{n} 件，95% 区间 {low}–{high}），要求 {asked}：{verdict}。",
        "{cls}: in time {share} ({met} of {n} cases, 95 % interval {low} to {high}); asked {asked}: {verdict}.",
    ),
    "find_none": (
        "{cls}：没有可判定的案件（{cases} 件计入）。",
        "{cls}: no case could be judged ({cases} cases count).",
    ),
    "verdict_true": ("已达到", "reached"),
    "verdict_false": ("未达到", "NOT reached"),
    "verdict_none": ("样本不足以判定", "the cases do not show it either way"),
    "find_cause": (
        "迟到 {late} 件中，最主要的原因是“{cause}”：{count} 件（{share}，95% 区间 {low}–{high}）。{advice}",
        (
            "Of {late} late cases, the first cause is “{cause}”: {count} cases ({share}, 95 % interval {low} to "
            "{high}). {advice}"
        ),
    ),
    "find_few": (
        "迟到 {late} 件，太少，不能认定主要原因；逐件情况见第三部分。",
        "{late} late cases are too few to name a first cause; section 3 has all of them.",
    ),
    "lead": ("牵头队伍", "lead team"),
    "find_missing": (
        (
            "{n} 件已结案而到场时间缺失，不计入达标。若全部迟到，达标率为 {worst}；若全部按时，为 {best}。"
            "请督促队员及时点“到场”。"
        ),
        (
            "{n} closed cases have no arrival time and never count as in time. All late: {worst}; all in time: "
            "{best}. Have the teams press “on scene” at once."
        ),
    ),
    "find_area": (
        (
            "迟到最集中的片区在 {place}：{late}/{n} 件迟到（{share}，95% 区间 {low}–{high}），高于全区。"
            "可研究就近设驻点。"
        ),
        (
            "Lateness is highest in a part of {place}: {late} of {n} cases late ({share}, 95 % interval {low} to "
            "{high}), above the district. Consider a station near there."
        ),
    ),
    "find_calibration": (
        (
            "{cls}的预计用时不再可靠（{what}：应为 {nominal}，近 {months} 个月为 {share}，n={n}）。请重新标定："
            "gridsvc roads calibrate。"
        ),
        (
            "Predictions for {cls} no longer hold ({what}: should be {nominal}, was {share} in the last {months} "
            "months, n={n}). Calibrate again: gridsvc roads calibrate."
        ),
    ),
    "find_change": (
        "自 {period} 起达标率水平发生变化：{before} → {after}（差值 95% 区间 {low}–{high}）。",
        (
            "The level of the share in time changed from {period} on: {before} to {after} (95 % interval of the "
            "difference {low} to {high})."
        ),
    ),
    "advice_handling": ("请检查接警台从接报到派单的环节。", "Look at the desk: from the report to the order."),
    "advice_no-team-free": (
        "最近的合法队伍当时都在其他案件上：请看高峰时段的备勤力量。",
        "The nearest lawful teams were on other cases: look at how many are on duty in busy hours.",
    ),
    "advice_re-assignment": (
        "首派队伍未能到场或不是推荐队伍：请核对人工改派的理由。",
        "The first team did not come, or was not the recommended one: check the reasons for sending others.",
    ),
    "advice_sign-off": ("请检查派单后的签收。", "Look at how orders are acknowledged."),
    "advice_turnout": ("请检查出动准备。", "Look at the turnout of the teams."),
    "advice_travel": (
        "请核对路况、封路登记和行驶时间标定。",
        "Check roads, recorded closures and the calibration of travel times.",
    ),
    "advice_turnout-or-travel": (
        "缺出发时间，不能区分出动与行驶：请督促队员出发时点“出发”。",
        "It is not known which: have the teams press “en route” when they leave.",
    ),
    "advice_wrong-place": ("请核对报案地点的定位。", "Check how the places of reports are found."),
    "advice_far-station": (
        "最近的驻点也来不及：属于布点问题，不是队员问题。",
        "Even the nearest station is too far: a question of where stations are, not of the teams.",
    ),
    "summary": ("一、按时到场情况", "1. In time or late"),
    "summary_note": (
        ("只统计应急案件。城区、城乡分别计算，不合并。“按时”指按计时规则在时限内到场；到场时间缺失的案件从不算按时。"),
        (
            "Emergencies only. Urban and rural are counted separately. “In time” is by the clock policy; a case "
            "without an arrival time is never in time."
        ),
    ),
    "class": ("类别", "class"),
    "urban": ("城区", "urban"),
    "rural": ("城乡", "rural"),
    "target": ("时限", "target"),
    "n_cases": ("案件数 n", "cases n"),
    "met": ("按时", "in time"),
    "late": ("迟到", "late"),
    "missing": ("缺到场时间", "no arrival time"),
    "open": ("未结", "open"),
    "met_share": ("按时率（占按时与迟到之和）", "share in time (of in time and late)"),
    "interval": ("95% 区间", "95 % interval"),
    "asked": ("要求", "asked"),
    "percentile": ("第 {0} 百分位用时，分:秒（95% 区间）", "P{0} of the response, m:ss (95 % interval)"),
    "too_few": ("样本太少，不计算", "too few cases"),
    "unbounded": ("—", "—"),
    "curve": ("图1　接报后多少分钟内有队伍到场", "Figure 1. Within how many minutes a team had arrived"),
    "curve_note": (
        (
            "横轴：计时开始后的分钟数；纵轴：占全部适用时限案件的比例（含缺到场时间的案件，因此不会到 100%）。"
            "竖虚线为时限。"
        ),
        (
            "Across: minutes since the clock started. Up: share of all timed cases, also those without an arrival "
            "time, so that a curve ends below 100 %. Dashed: the target."
        ),
    ),
    "minutes": ("分钟", "minutes"),
    "parts": ("用时分段", "The parts of the response"),
    "parts_note": (
        (
            "前三段按每支队伍每件案件计；后三段按案件计，从接报起算。缺失和先后颠倒的时间单独计数，从不删除；"
            "最后一列为这些时间全部最快、全部最慢时的 P90。"
        ),
        (
            "The first three are per team and case; the others per case, from the report. Missing stamps and "
            "impossible ones are counted beside, never dropped; the last column is P90 if all of these were the "
            "fastest, or the slowest."
        ),
    ),
    "part": ("分段", "part"),
    "part_handling": ("接报到派单", "handling: report to order"),
    "part_turnout": ("派单到出发", "turnout: order to en route"),
    "part_travel": ("出发到到场", "travel: en route to on scene"),
    "part_response_first": ("接报到首支队伍到场", "response of the first team"),
    "part_response_lead": ("接报到牵头队伍到场", "response of the lead"),
    "part_response_full": ("接报到联合执法队到齐", "response of the full team"),
    "n_times": ("完整的 n", "complete n"),
    "missing_times": ("缺失", "missing"),
    "impossible": ("颠倒", "impossible"),
    "part_p50": ("中位数，分:秒（95% 区间）", "median, m:ss (95 % interval)"),
    "part_p90": ("P90，分:秒（95% 区间）", "P90, m:ss (95 % interval)"),
    "part_bounds": ("P90 的界限", "bounds of P90"),
    "by_month": ("图2　各月按时率", "Figure 2. Share in time by month"),
    "by_hour": ("图3　各时段按时率（接报的钟点）", "Figure 3. Share in time by hour of the report"),
    "bars_note": (
        "柱：按时率；竖线：95% 区间；红虚线：要求的比例；浅色：n 少于 10；下方为判定案件数 n。",
        (
            "Columns: share in time; lines: 95 % interval; red: the share that the policy asks for; below: cases "
            "judged, n."
        ),
    ),
    "by_township": ("图4　各乡镇（街道）按时率", "Figure 4. Share in time by township"),
    "township_note": (
        ("按名称排列，不按高低。橙色：区间不含同类别全区按时率，差异不是偶然。n 少于 {least} 的不排名次，也不作结论。"),
        (
            "In the order of names, not of results. Orange: the interval leaves out the whole district's share, so "
            "the difference is no accident. Nothing is concluded from fewer than {least} cases."
        ),
    ),
    "assessment": ("二、考核用表：各乡镇（街道）和执法单位", "2. For the assessment: townships and units"),
    "assessment_note": (
        "名次为区间：只有两者的 95% 区间不重叠时才分先后；样本不足的没有名次。单位按牵头队伍计。",
        (
            "A place is a range: one is before another only where their 95 % intervals do not overlap; small samples "
            "have none. A case counts for the unit of its lead."
        ),
    ),
    "rank": ("名次（共 {0}）", "place (of {0})"),
    "no_rank": ("不排名", "none"),
    "township": ("乡镇（街道）", "township"),
    "unit": ("执法单位", "unit"),
    "type": ("事件类型", "type"),
    "none": ("（无）", "(none)"),
    "causes": ("三、为什么迟到", "3. Why late"),
    "causes_note": (
        (
            "每件迟到案件按环节拆分超时秒数，各部分之和等于超时；占比最大的为主因。共 {late} 件，其中 {uncertain} "
            "件缺出发时间或先后颠倒，出动与行驶不能分开，单列一项。"
        ),
        (
            "The seconds by which a case was late are divided by cause and add up; the largest part is its main "
            "cause. {late} cases; in {uncertain} of them `en route` is missing or impossible, so that turnout and "
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
    "seconds": ("超时合计（占全部超时）", "lateness (share of all)"),
    "touched": ("涉及案件数", "cases with a part of it"),
    "figure_causes": ("图5　迟到案件的主因", "Figure 5. Main causes of late cases"),
    "cause_handling": ("接报到派单", "call handling"),
    "cause_no-team-free": ("无空闲队伍", "no team free"),
    "cause_re-assignment": ("改派", "re-assignment"),
    "cause_sign-off": ("签收", "sign-off"),
    "cause_turnout": ("出动", "turnout"),
    "cause_travel": ("行驶", "travel"),
    "cause_turnout-or-travel": ("出动或行驶（缺出发时间）", "turnout or travel (no “en route”)"),
    "cause_wrong-place": ("地点有误", "wrong place"),
    "cause_far-station": ("驻点太远", "far station"),
    "remedies": ("若当时……，可按时的案件数", "In how many late cases this would have been enough"),
    "remedies_note": (
        "每一项单独假设，按当时记录的法定职责、队伍、道路和封路重新计算。分母是该假设适用的迟到案件。",
        (
            "Each line alone, computed again by the law, teams, roads and closures of then. Of the late cases to "
            "which it applies."
        ),
    ),
    "remedy": ("假设", "if"),
    "remedy_met": ("可按时（占适用案件，95% 区间）", "in time (of those it applies to, 95 % interval)"),
    "remedy_handling": ("接报到派单按计划用时", "call handling as planned"),
    "remedy_re-assignment": ("首次就派出到场的队伍", "the team that came had been sent first"),
    "remedy_sign-off": ("签收按计划", "sign-off as planned"),
    "remedy_turnout": ("出动按计划", "turnout as planned"),
    "remedy_travel": ("行驶按预计", "travel as predicted"),
    "remedy_turnout-or-travel": ("出动与行驶合计按计划", "turnout and travel together as planned"),
    "remedy_wrong-place": ("地点正确，行驶按预计", "the right place, travel as predicted"),
    "remedy_recommended-team": ("派出推荐的队伍", "the recommended team had been sent"),
    "remedy_nearest-team-free": ("最近的合法队伍空闲", "the nearest lawful team had been free"),
    "remedy_other-station": ("从最近的驻点（任何单位）出动", "from the nearest station of any unit"),
    "map": ("四、哪里迟到", "4. Where"),
    "figure_map": ("图6　各片区迟到率", "Figure 6. Late share by area"),
    "map_note": (
        (
            "颜色由浅到深：迟到率低于 5%、10%、20%、40% 及以上；灰白：案件太少，区间宽于 40 个百分点。每个片区至少 "
            "{least} 件，不能定位报案人。共 {areas} 个片区、{n} 件。"
        ),
        (
            "Light to dark: late share under 5, 10, 20, 40 % and above; grey: too few cases, the interval is wider "
            "than 40 points. Each area has at least {least} cases, so that no reporter can be located. {areas} "
            "areas, {n} cases."
        ),
    ),
    "map_none": ("案件太少，不绘地图。", "Too few cases for a map."),
    "by_township_table": ("各乡镇（街道）：需求与迟到", "By township: demand and lateness"),
    "late_share": ("迟到率（95% 区间）", "late share (95 % interval)"),
    "predictions": ("五、预计用时是否可信", "5. Are the predictions honest"),
    "predictions_note": (
        "派出时预计的牵头队伍到场用时，与实际比较。可信的 90% 区间应包含约 90% 的实际值。未计入：{left}。",
        (
            "The lead's response as predicted at the order, against the recorded one. An honest 90 % range holds "
            "about 90 % of them. Left out: {left}."
        ),
    ),
    "predictions_file": ("外部导出文件没有预计用时。", "An export has no predictions."),
    "ratio": ("实际/预计（中位数，95% 区间）", "recorded / predicted (median, 95 % interval)"),
    "pred_in_time": ("预计按时的，实际按时", "predicted in time: were in time"),
    "pred_late": ("预计迟到的，实际迟到", "predicted late: were late"),
    "pred_p50": ("不超过 P50（应 50%）", "up to P50 (50 %)"),
    "pred_p90": ("不超过 P90（应 90%）", "up to P90 (90 %)"),
    "pred_range": ("在 90% 区间内（应 90%）", "in the 90 % range (90 %)"),
    "no_range": ("派出时没有标定的区间", "no calibrated range at the order"),
    "figure_reliability": ("图7　预计与实际", "Figure 7. Predicted and recorded"),
    "said": ("预计的比例", "predicted share"),
    "happened": ("纵轴：实际比例", "up: share that happened"),
    "hindsight": ("事后看更好的派遣", "Dispatches that would have been better in hindsight"),
    "hindsight_note": (
        "用当时对另一支空闲合法队伍的预计，与所派队伍的实际比较。即使规则最优，也会有少数。",
        (
            "The prediction for another free lawful team against the recorded time of the one that went. Some are "
            "expected even from the best rule."
        ),
    ),
    "better": ("另一种派遣", "another dispatch"),
    "better_recommended-team": (
        "人工改派；推荐的队伍会更早",
        "another team was sent; the recommended one would be earlier",
    ),
    "better_next-team": (
        "派出推荐队伍；下一支空闲队伍会更早",
        "the recommended team went; the next free one would be earlier",
    ),
    "better_earlier": ("会更早（95% 区间）", "earlier (95 % interval)"),
    "better_in_time": ("迟到中可按时", "of the late ones, in time"),
    "better_gained": ("早多少，分:秒（中位数，95% 区间）", "earlier by, m:ss (median, 95 % interval)"),
    "as_reported": ("按受理时的计时规则", "by the clock policy of the report"),
    "response_lead": ("接报至牵头队伍到场", "report to lead on scene"),
    "how": ("六、怎样计算", "6. How it was counted"),
    "left_out": ("未计入", "left out"),
    "left_routine": ("日常案件", "routine cases"),
    "left_drill": ("演练", "drills"),
    "left_duplicate": ("同一来源重复推送", "sent again by the same source"),
    "left_cancelled-before-dispatch": ("派单前撤销", "cancelled before an order"),
    "left_no-prediction": ("当时无空闲队伍", "no team was free"),
    "left_not-arrived": ("缺到场时间", "no arrival time"),
    "left_another-team": ("首派不是推荐队伍", "another team was sent first"),
    "left_sent-again": ("改派", "sent again"),
    "how_counted": (
        "全部 {all} 件，计入 {counted} 件；未计入：{left}。",
        "{all} cases, of which {counted} count; left out: {left}.",
    ),
    "how_not_recorded": (
        "计时规则还排除：{names}；但没有案件记有此情况，因此均计入。",
        "The policy also leaves out {names}, which no case says of itself: these count.",
    ),
    "how_intervals": (
        (
            "比例的区间为 Clopper–Pearson 精确区间；百分位为次序统计量，不假设分布，样本少于所需（P90 为 29 "
            "件）时不给出。"
        ),
        (
            "Intervals of shares are exact (Clopper-Pearson). Percentiles are order statistics without any assumed "
            "distribution, and are not given where the sample is too small (29 cases for P90)."
        ),
    ),
    "how_open": (
        "未结案件以数据截止时刻判断：时限已过为迟到，否则为未结。",
        "Open cases are judged at the time of the data: late once the target has passed, else open.",
    ),
    "how_events": ("计时：从{0}到{1}。", "The clock runs from {0} to {1}."),
    "event_received": ("接报", "the report"),
    "event_dispatched": ("派单", "the order"),
    "event_first_on_scene": ("首支队伍到场", "the first team on scene"),
    "event_lead_on_scene": ("牵头队伍到场", "the lead team on scene"),
    "event_full_team_on_scene": ("联合执法队到齐", "the full joint team on scene"),
    "no_target": ("数据没有时限，只统计用时。", "The data has no targets: only response times are counted."),
    "all": ("合计", "all"),
    "other": ("其他", "others"),
}


class Words:
    """The words of one language. `words("key", name=value)`."""

    def __init__(self, language: str) -> None:
        self._index = LANGUAGES.index(language)
        self.language = language

    def __call__(self, key: str, *values: object, **named: object) -> str:
        """Return the words of a key, filled with values; a key that is not known is shown as it is."""
        found = _WORDS.get(key)
        return key if found is None else found[self._index].format(*values, **named)

    def raw(self, key: str) -> str:
        """Return the words of a key before they are filled; KeyError for an unknown one."""
        return _WORDS[key][self._index]


def known_keys() -> frozenset[str]:
    """Return every key that has words."""
    return frozenset(_WORDS)
