"""The report of a plan as one page that stands alone: no script, no font, no picture from elsewhere; A4 and screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gridsvc.coverage.report.charts import by_hour, cover_map, curve, map_legend
from gridsvc.coverage.report.findings import findings, points, proof
from gridsvc.coverage.report.words import words_of
from gridsvc.pages.html import STYLE, figure, head, interval, minutes, percent, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words

MOST_GRIDS = 40
"""Rows of the table of grids; the others are in the layers and in the JSON."""

_STYLE = f"""{STYLE}
.maps {{ display: grid; grid-template-columns: 1fr 1fr; gap: 4mm; }} .maps figure {{ margin: 1mm 0; }}
.keep {{ break-inside: avoid; }}
@media (max-width: 150mm) {{ .maps {{ grid-template-columns: 1fr; }} }}
"""


def page(document: dict[str, Any], language: str) -> str:
    """Return the HTML of a plan with its curve and map (`make_plan_report`) in `zh` or `en`."""
    words = words_of(language)
    body = "\n".join(_sections(document, words))
    title = f"{_title(document, words)} · {document['about']['district_name']}"
    lang = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _title(document: dict[str, Any], words: Words) -> str:
    return words("title_what-if" if document["scenario"]["model"] == "what-if" else "title_plan")


def _sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    yield _head(document, words)
    found = "".join(f"<li>{text(each)}</li>" for each in findings(document, words))
    yield f'<section class="found"><strong>{text(words("findings"))}</strong><ol>{found}</ol></section>'
    shown = proof(document, words)
    for make in (_maps, _curve, _classes, _hours, _grids, _posts, _rules):
        yield from make(document, words, shown)
    yield head(words("how"), shown) + "".join(
        f"<p>{text(words(each))}</p>" for each in ("how_proof", "how_interval", "how_law", "how_busy")
    )


def _head(document: dict[str, Any], words: Words) -> str:
    about, scenario = document["about"], document["scenario"]
    unit = scenario["unit"]
    rows = [
        (words("question"), _question(scenario, words)),
        (words("unit"), words(f"unit_{unit}") if unit in ("bureau", "township") else unit),
        (words("demand"), _demand(document, words)),
        *([(words("only"), _only(scenario, words))] if scenario["hours"] or scenario["classes"] else []),
        (words("limit"), _limit(about, scenario, words)),
        (
            words("candidates"),
            words("candidates_line", n=about["candidates"], existing=words(f"existing_{scenario['existing']}")),
        ),
        *([(words("budget"), f"{scenario['budget']:g}")] if scenario["budget"] is not None else []),
        (words("proof"), _proof_line(document, words)),
        (words("at"), f"{datetime.fromisoformat(about['at']):%Y-%m-%d %H:%M}"),
        (
            words("versions"),
            words(
                "versions_line",
                generation=document["versions"].get("generation"),
                network=str(document["versions"].get("network"))[:12],
            ),
        ),
    ]
    facts = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in rows)
    warn = f'<p class="warn">{text(words("synthetic"))}</p>' if about["synthetic"] else ""
    name = f" · {scenario['name']}" if scenario["name"] else ""
    title = f"{_title(document, words)} · {about['district_name']}{name}"
    return f'<h1>{text(title)}</h1>{warn}<dl class="facts">{facts}</dl>'


def _question(scenario: dict[str, Any], words: Words) -> str:
    return words(f"model_{scenario['model']}", p=scenario["p"], busy=percent(scenario["busy"]))


def _demand(document: dict[str, Any], words: Words) -> str:
    demand = document["demand"]
    found = words(f"demand_{demand['source']}", live=demand["live"], imported=demand["imported"])
    without = demand["without_run_card"]
    return found + (words("without", n=without) if without else "")


def _only(scenario: dict[str, Any], words: Words) -> str:
    parts = [words("only_hours", *scenario["hours"])] if scenario["hours"] else []
    return "，".join([*parts, *(words(each) for each in scenario["classes"])])


def _limit(about: dict[str, Any], scenario: dict[str, Any], words: Words) -> str:
    limits = " / ".join(minutes(each) for each in about["drive_limits_s"])
    times = words(f"times_{about['times']}")
    return words("limit_minutes" if scenario["minutes"] else "limit_line", limits=limits,
                 ready=minutes(about["ready_s"]), times=times)  # fmt: skip


def _proof_line(document: dict[str, Any], words: Words) -> str:
    return words(
        "proof_line",
        objective=f"{document['objective']:.6g}",
        bound=f"{document['bound']:.6g}",
        proof=proof(document, words),
    )


def _maps(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    drawn = document["map"]
    yield head(words("map"), shown)
    two = "".join(
        figure(words(f"map_{when}"), cover_map(words(f"map_{when}"), drawn, after=when == "after"))
        for when in ("before", "after")
    )
    n = sum(each["demand"] for each in drawn["cells"])
    note = words("map_note", cells=len(drawn["cells"]), n=f"{n:g}")
    legend = f'{map_legend(words)}<p class="note">{text(note)}</p>'
    yield f'<div class="keep"><div class="maps">{two}</div>{legend}</div>'


def _curve(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    found = document["curve"]
    proved = all(each["optimal"] for each in found["points"])
    note = words("curve_note", n=f"{found['reachable']['demand']:g}",
                 proved=words("curve_all_proved" if proved else "curve_some"))  # fmt: skip
    yield head(words("curve"), words("proved") if proved else shown)
    yield figure(words("curve"), curve(words("curve"), found, words), note)
    yield table(
        [words("posts_number"), words("share_interval"), words("bound"), words("gap")],
        [(each["p"], _share(each), percent(each["bound_share"]), f"{each['gap'] * 100:.2f}%")
         for each in found["points"]],
    )  # fmt: skip


def _share(share: dict[str, Any]) -> str:
    if share["low"] is None:
        return percent(share["share"])
    return f"{percent(share['share'])} ({interval(share['low'], share['high'])})"


def _change(change: dict[str, Any]) -> str:
    if change["low"] is None:
        return points(change["share"])
    return f"{points(change['share'])} ({points(change['low'])}…{points(change['high'])})"


def _classes(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    yield head(words("classes"), shown)
    yield _class_table(document["covered"], words)
    drive = document["drive_s"]
    n = f"{document['covered']['all']['after']['demand']:g}"
    line = words("drive_line", before=minutes(drive["before"]), after=minutes(drive["after"]), n=n)
    yield f"<p>{text(line)}</p>"
    if document["people"] is not None:
        yield f"<h3>{text(words('people'))}</h3><p class='note'>{text(words('people_note'))}</p>"
        yield _class_table(document["people"], words)


def _class_table(covered: dict[str, Any], words: Words) -> str:
    heads = [words(each) for each in ("class", "n", "before", "after", "change_interval", "gained", "lost")]
    return table(
        heads,
        [
            (
                words(kind),
                f"{each['after']['demand']:,.6g}",
                _share(each["before"]),
                _share(each["after"]),
                _change(each["change"]),
                f"{each['change']['gained']:,.6g}",
                f"{each['change']['lost']:,.6g}",
            )
            for kind, each in covered.items()
        ],
    )


def _hours(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    yield head(words("hours"), shown)
    if not document["hours"]:
        yield f"<p>{text(words('hours_none'))}</p>"
        return
    kinds = sorted({each["class"] for each in document["hours"]}, reverse=True)
    for number, kind in enumerate(kinds):
        rows = [each for each in document["hours"] if each["class"] == kind]
        n = sum(each["before"]["demand"] for each in rows)
        title = f"{words('hours')} · {words(kind)} (n={n:g})"
        yield figure(title, by_hour(title, rows, words), words("hours_note") if number == len(kinds) - 1 else "")


def _grids(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    rows = document["grids"]
    yield head(words("grids"), shown)
    if not rows:
        yield f"<p>{text(words('grids_none'))}</p>"
        return
    with_people = any(each["people"] is not None for each in rows)
    parts: list[dict[str, Any]] = next((each["parts_of_day"] for each in rows if each["parts_of_day"]), [])
    heads = [words(each) for each in ("grid", "township", "class", "n", "reached_before", "reached_after")]
    heads += [words("part", part["from"], part["until"]) for part in parts]
    heads += [words("people")] if with_people else []
    yield table(
        heads,
        [
            (
                each["name"],
                each["township"] or "—",
                words(each["class"]),
                f"{each['demand']:g}",
                f"{each['demand_before']:g}",
                f"{each['demand_after']:g}",
                *(_gain(part["gained"], part["lost"]) for part in each["parts_of_day"]),
                *([""] * (len(parts) - len(each["parts_of_day"]))),
                *([_gain(each["people_gained"] or 0, each["people_lost"] or 0)] if with_people else []),
            )
            for each in rows[:MOST_GRIDS]
        ],
    )
    yield f"<p class='note'>{text(words('grids_note', n=len(rows), shown=min(len(rows), MOST_GRIDS)))}</p>"


def _gain(gained: float, lost: float) -> str:
    """Return what is gained and lost as +3 −1; · for neither."""
    parts = [f"+{gained:,.6g}"] if gained else []
    parts += [f"−{lost:,.6g}"] if lost else []
    return " ".join(parts) or "·"


def _posts(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    yield head(words("posts"), shown)
    moved = {each["name"] for each in document["moved"]}
    rows = [(each, "kept" if each["exists"] else "moved" if each["name"] in moved else "new")
            for each in document["sites"]]  # fmt: skip
    rows += [(each | {"units": 0}, "closed") for each in document["closed"]]
    yield table(
        [words(each) for each in ("post", "township", "state", "units", "lonlat")],
        [
            (
                each["name"],
                document["names"].get(each["township"], each["township"] or "—"),
                words(f"state_{state}"),
                each["units"],
                f"{each['lon']:.5f}, {each['lat']:.5f}",
            )
            for each, state in rows
        ],
    )


def _rules(document: dict[str, Any], words: Words, shown: str) -> Iterator[str]:
    yield head(words("rules"), shown)
    if not document["rules"]:
        yield f"<p>{text(words('rules_none'))}</p>"
        return
    names = document["names"]
    yield table(
        [words("rule"), words("kept"), words("where")],
        [
            (
                words(f"rule_{each['rule']}"),
                words("yes" if each["holds"] else "no"),
                "、".join(names.get(code, code) for code in each["broken"]) or "—",
            )
            for each in document["rules"]
        ],
    )
