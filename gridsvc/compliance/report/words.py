"""The words of the report in Chinese and English: each head says what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.compliance.report.cause_words import CAUSES
from gridsvc.compliance.report.finding_words import FINDINGS
from gridsvc.pages.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Mapping[str, tuple[str, str]] = {
    **FINDINGS,
    **CAUSES,
    "title": ("响应时限达标报告", "Response times: did we make it"),
    "synthetic": (
        "演示数据：案件、队伍和道路均为合成，不是真实情况。",
        "Demo: cases, teams and roads are made up. Nothing here is real.",
    ),
    "period": ("统计期间", "Period"),
    "whole": ("全部记录：{0} 至 {1}", "all that is recorded: {0} to {1}"),
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
    "source": ("数据来源", "Source"),
    "source_file": ("外部导出文件（非本系统案件）", "an export of another system, not cases of this one"),
    "source_imported": (
        "导入的其他系统历史案件（非本系统案件）",
        "imported history of another system, not cases of this one",
    ),
    "import": ("导入文件", "Imported file"),
    "import_line": ("{name}：{cases} 起，摘要 {digest}", "{name}: {cases} cases, digest {digest}"),
    "lead": ("牵头队伍", "lead team"),
    "summary": ("一、按时到场情况", "1. In time or late"),
    "summary_note": (
        (
            "只统计应急案件。城区、城乡分别计算，不合并。“城乡”指城区以外。“按时”指按计时规则在时限内到场；缺到场时间的案件"
            "既不算按时也不算迟到。按时率为按时占按时与迟到之和的比例。“不计时”：到场前撤销，或没有时限。"
        ),
        (
            "Emergencies only. Urban and rural are counted separately. Rural is all that is not urban. “In time” is by "
            "the clock policy; a case without an arrival time is in neither. The share in time is of those in time and "
            "late. “Not timed”: cancelled before an arrival, or without a target."
        ),
    ),
    "class": ("类别", "class"),
    "urban": ("城区", "urban"),
    "rural": ("城乡", "rural"),
    "no-class": ("未分类", "no class"),
    "target": ("时限", "target"),
    "n_cases": ("案件数 n", "cases n"),
    "met": ("按时", "in time"),
    "late": ("迟到", "late"),
    "missing": ("缺到场时间", "no arrival time"),
    "open": ("未结", "open"),
    "not_timed": ("不计时", "not timed"),
    "met_share": ("按时率", "share in time"),
    "interval": ("95% 区间", "95 % interval"),
    "asked": ("要求", "asked"),
    "percentile": ("第 {0} 百分位用时，分:秒（95% 区间），n", "P{0} of the response, m:ss (95 % interval), n"),
    "too_few": ("样本太少，不计算", "too few cases"),
    "curve": ("图1　从{0}到{1}：多少分钟内", "Figure 1. From {0} to {1}: within how many minutes"),
    "curve_note": (
        (
            "横轴：计时开始后的分钟数；纵轴：占全部案件（n）的比例，含缺到场时间的案件，因此不会到 "
            "100%；表中的百分位只按有到场时间的案件计算，因此比曲线上的短。浅色带：95% 区间。"
        ),
        (
            "Across: minutes since the clock started. Up: share of all cases (n), also of those without an arrival "
            "time, so that a curve ends below 100 %; the percentile in the table is of those with an arrival alone, "
            "so it is shorter than on the curve. Light bands: 95 % interval."
        ),
    ),
    "curve_target": ("竖虚线：时限。", "Dashed: the target."),
    "minutes": ("分钟", "minutes"),
    "parts": ("用时分段", "The parts of the response"),
    "parts_note": (
        (
            "前三段按每支队伍每件案件计；后三段按案件计，从接报起算。中位数和 P90 "
            "按完整的计算；缺失和先后颠倒的单独计数，界限是它们全部最快或全部最慢时的 P90（≥：上限不知）。各段的 P90 "
            "不能相加。“≤”“≥”：样本只够给出区间的一端。"
        ),
        (
            "The first three are per team and case; the others per case, from the report. Median and P90 are of the "
            "complete ones. Missing stamps and impossible ones are counted beside; the bounds are what P90 would be "
            "were they all the fastest, or all the slowest (≥: no upper bound is known). P90s of parts do not add up. "
            "“≤” or “≥” in an interval: the sample gives one end of it alone."
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
    "part_bounds": (
        "P90 的界限（缺失和颠倒的全部最快至全部最慢）",
        "bounds of P90 (the missing and impossible all fastest to all slowest)",
    ),
    "no_bounds": ("无缺失", "none is missing"),
    "by_month": ("图2{0}　各月按时率", "Figure 2{0}. Share in time by month"),
    "by_hour": ("图3{0}　各时段按时率（接报的钟点）", "Figure 3{0}. Share in time by hour of the report"),
    "bars_note": (
        "柱：按时率；竖线：95% 区间；红虚线：要求的比例；浅色：n 少于 10；下方为判定案件数 n（按时与迟到之和）。",
        (
            "Columns: share in time; lines: 95 % interval; dashed red: the share that the policy asks for; light: n "
            "under 10; below: cases judged (in time or late), n."
        ),
    ),
    "by_township": ("图4{0}　各乡镇（街道）按时率", "Figure 4{0}. Share in time by township"),
    "township_note": (
        (
            "案件多的在前，不按高低排列。条：按时率；横线：95% 区间；红虚线：要求的比例；浅色：n 少于 "
            "10；橙色：区间不含同类别全区按时率，差异超出偶然。n 少于 {least} 的不标橙色，也不作结论。"
        ),
        (
            "Those with most cases first, whatever their share. Bars: share in time; lines: 95 % interval; dashed "
            "red: the share that the policy asks for; light: n under 10; orange: the interval leaves out the whole "
            "district's share, a difference beyond chance. With n under {least} nothing is marked or concluded."
        ),
    ),
    "assessment": ("二、考核用表：各乡镇（街道）和执法单位", "2. For the assessment: townships and units"),
    "assessment_times": (
        (
            "案件多的在前。用时只按有到场时间的案件（n）计算，少于 {least} "
            "件不计算；“≤”“≥”：样本只够给出区间的一端。案件按牵头队伍计入其单位。"
        ),
        (
            "Those with most cases first. Times are of the cases with an arrival (n), and of at least {least}; “≤” or "
            "“≥”: the sample gives one end of the interval alone. A case counts for the unit of its lead."
        ),
    ),
    "others": ("其余 {0} 个，各自案件太少", "{0} others, too few cases each"),
    "arrived": ("有到场时间 n", "with an arrival n"),
    "assessment_note": (
        (
            "案件多的在前。名次为区间：只有两者的 95% 区间不重叠时才分先后；按时与迟到之和少于 {least} "
            "件的不排名。案件按牵头队伍计入其单位。"
        ),
        (
            "Those with most cases first. A place in the ranking is a range: one is before another only where their "
            "95 % intervals do not overlap; none has a place with fewer than {least} cases in time or late. A case "
            "counts for the unit of its lead."
        ),
    ),
    "rank": ("名次（参加排名 {0} 个）", "place (among {0})"),
    "no_rank": ("—", "—"),
    "township": ("乡镇（街道）", "township"),
    "unit": ("执法单位", "unit"),
    "type": ("事件类型", "type"),
    "none_township": ("不在任何乡镇内", "in no township"),
    "none_unit": ("未派队伍", "no team was sent"),
    "none_lead": ("未派队伍", "no team was sent"),
    "none_type": ("无类型", "no type"),
    "map": ("四、哪里迟到", "4. Where"),
    "figure_map": ("图6　各片区迟到率", "Figure 6. Late share by area"),
    "map_note": (
        (
            "城区、城乡案件合并，各按自己的时限。颜色由浅到深：迟到率低于 5%、10%、20%、40% 及以上；斜线：案件太少，"
            "区间宽于 40 个百分点。乡镇内的片区至少 {least} 件，不足的乡镇不再细分；任何片区不少于 5 件，不能定位报案"
            "人。共 {areas} 个片区，n={n} 件。"
        ),
        (
            "Urban and rural cases together, each by its own target. Light to dark: late share under 5, 10, 20, 40 % "
            "and above; hatched: too few cases, the interval is wider than 40 points. Areas within a township have "
            "at least {least} cases, a township with fewer is not divided, and no area has fewer than 5, so that no "
            "reporter can be located. {areas} areas, n={n} cases."
        ),
    ),
    "map_wide": ("不确定", "uncertain"),
    "map_no_target": ("数据没有时限，不能绘制迟到率地图。", "Without targets there are no late cases to map."),
    "map_none": ("案件太少，不绘地图。", "Too few cases for a map."),
    "by_township_table": (
        "各乡镇（街道）：需求与迟到（城区、城乡合并，各按自己的时限）",
        "By township: demand and lateness (urban and rural together, each by its own target)",
    ),
    "n_timed": ("案件数（有时限）n", "cases with a target n"),
    "late_share": ("迟到率（95% 区间）", "late share (95 % interval)"),
    "predictions": ("五、预计用时是否可信", "5. Are the predictions honest"),
    "predictions_note": (
        "派出时预计的牵头队伍到场用时，与实际比较。未计入：{left}。",
        "The lead's response as predicted at the order, against the recorded one. Left out: {left}.",
    ),
    "predictions_range": (
        "可信的 90% 区间应包含约 90% 的实际值。",
        "An honest 90 % range holds about 90 % of the recorded responses.",
    ),
    "predictions_file": ("外部导出文件没有预计用时。", "An export has no predictions."),
    "ratio": ("实际/预计（中位数，95% 区间）", "recorded / predicted (median, 95 % interval)"),
    "pred_in_time": ("预计按时的，实际按时", "predicted in time: were in time"),
    "pred_late": ("预计迟到的，实际迟到", "predicted late: were late"),
    "pred_p50": ("不超过 P50（应 50%）", "up to P50 (50 %)"),
    "pred_p90": ("不超过 P90（应 90%）", "up to P90 (90 %)"),
    "pred_range": ("在 90% 区间内（应 90%）", "in the 90 % range (90 %)"),
    "no_range": (
        "派出时行驶时间没有标定，因此没有预计区间（P50、P90），只有一个预计值。",
        "Travel times were not calibrated at the order: there is one predicted value and no range (P50, P90).",
    ),
    "figure_reliability": ("图7　预计与实际", "Figure 7. Predicted and recorded"),
    "figure_reliability_note": (
        "横轴：预计不超过的比例；纵轴：实际不超过的比例；竖线：95% 区间；虚线：完全可信。",
        (
            "Across: the predicted share that does not exceed a value; up: the share that did not; lines: 95 % "
            "interval; dashed: honest predictions."
        ),
    ),
    "said": ("预计的比例", "predicted share"),
    "happened": ("纵轴：实际比例", "up: share that happened"),
    "hindsight": ("事后看更好的派遣", "Dispatches that would have been better in hindsight"),
    "hindsight_note": (
        "用当时对另一支空闲合法队伍的预计，与所派队伍的实际比较，城区、城乡合并。即使规则最优，也会有少数。",
        (
            "The prediction for another free lawful team against the recorded time of the one that went, urban and "
            "rural together. Some are expected even from the best rule."
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
    "better_in_time": ("迟到案件中，改派后可按时的", "of the late ones, in time"),
    "better_gained": ("早多少，分:秒（中位数，95% 区间）", "earlier by, m:ss (median, 95 % interval)"),
    "as_reported": ("按受理时的计时规则", "by the clock policy of the report"),
    "response_lead": ("接报至牵头队伍到场，各案件自己的时限", "report to lead on scene, each case's own target"),
    "how": ("六、怎样计算", "6. How it was counted"),
    "left_routine": ("日常案件", "routine cases"),
    "left_drill": ("演练", "drills"),
    "left_duplicate": ("同一来源重复推送", "sent again by the same source"),
    "left_cancelled-before-dispatch": ("派单前撤销", "cancelled before an order"),
    "left_no-prediction": ("当时无空闲队伍", "no team was free"),
    "left_not-arrived": ("没有到场时间（缺或未结）", "no arrival (missing, or still open)"),
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
        "比例的区间为 Clopper–Pearson 精确区间；百分位为次序统计量，不假设分布，样本少于所需（P90 为 29 件）时不给出。",
        (
            "Intervals of shares are exact (Clopper-Pearson). Percentiles are order statistics without any assumed "
            "distribution, and are not given where the sample is too small (29 cases for P90)."
        ),
    ),
    "how_open": (
        "未结案件以数据截止时刻判断：时限已过为迟到，否则为未结。",
        "Open cases are judged at the time of the data: late once the target has passed, else open.",
    ),
    "how_trend": (
        "{cls}：按{unit}的控制图（Laney p′ 图，{points} 个点，n={n}）：{found}。",
        "{cls}: control chart by {unit} (Laney's p' chart, {points} points, n={n}): {found}.",
    ),
    "how_no_trend": (
        "有案件的时段不足 12 个的类别不作控制图。",
        "A class with fewer than 12 periods with cases has no control chart.",
    ),
    "trend_steady": ("水平没有变化", "the level did not change"),
    "trend_changed": ("水平自 {since} 起变化", "the level changed from {since} on"),
    "trend_rule": (
        "规则：{sigmas} 倍标准差的界限；连续 {run} 点在中线同一侧且前后比例之差超出 95% 区间，为新的水平。",
        (
            "Rule: limits of {sigmas} sigma; {run} points in a row on one side of the centre line begin a new level "
            "if the shares before and after differ by more than their 95 % interval."
        ),
    ),
    "unit_day": ("日", "day"),
    "unit_week": ("周", "week"),
    "unit_month": ("月", "month"),
    "how_events": ("计时：从{0}到{1}。", "The clock runs from {0} to {1}."),
    "event_received": ("接报", "the report"),
    "event_dispatched": ("派单", "the order"),
    "event_first_on_scene": ("首支队伍到场", "the first team on scene"),
    "event_lead_on_scene": ("牵头队伍到场", "the lead team on scene"),
    "event_full_team_on_scene": ("联合执法队到齐", "the full joint team on scene"),
    "no_target": ("数据没有时限，只统计用时。", "The data has no targets: only response times are counted."),
    "all": ("合计", "all"),
    "and": ("、", ", "),
    "semicolon": ("；", "; "),
    "nothing": ("没有案件", "no case"),
}


def words_of(language: str) -> Words:
    """Return the words of one of LANGUAGES."""
    return Words(_WORDS, language)


def known_keys() -> frozenset[str]:
    """Return every key that has words."""
    return frozenset(_WORDS)
