"""CSV files of places as offices save them: what is read, which rows are bad and why, and what is written back."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.coordinates import Bounds
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.places.addresses import AddressRow, read_addresses
from gridsvc.files.places.places import Places, read_places, write_places

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["东镇", None]


def save(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "in.csv"
    path.write_bytes(text.encode(encoding))
    return path


def add_owner(places: Places) -> dict[str, tuple[np.ndarray, list[str | None]]]:
    """One owner for all good rows."""
    return {"owner": (np.where(places.good, 0, -1).astype(np.int32), WORDS)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encoding_and_separator_are_recognised_and_kept(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["名称", "经度", "纬度"], ["金东区政府", "119.69", "29.10"], ["多湖", "119.70", "29.11"]]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    places = read_places(save(tmp_path, text, encoding))
    assert places.lon.tolist() == [119.69, 119.7]
    assert places.lat.tolist() == [29.1, 29.11]
    out = tmp_path / "out.csv"
    write_places(out, places, add_owner(places))
    written = list(csv.reader(io.StringIO(out.read_bytes().decode(encoding)), delimiter=separator))
    assert written == [[*rows[0], "owner"], [*rows[1], "东镇"], [*rows[2], "东镇"]]


@pytest.mark.parametrize(
    "header",
    [
        "lon,lat",
        "lng,lat",
        "long,lat",
        "LONGITUDE,Latitude",
        "X,Y",
        "经度,纬度",
        "东经,北纬",
        "经度（°）,纬度（°）",
        " lon , lat ",
    ],
)
def test_usual_headers_are_known(tmp_path: Path, header: str) -> None:
    places = read_places(save(tmp_path, f"{header}\n119.5,29.5\n"))
    assert (places.lon.tolist(), places.lat.tolist()) == ([119.5], [29.5])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_read_where_they_cannot_separate(tmp_path: Path, separator: str) -> None:
    places = read_places(
        save(tmp_path, separator.join(("lon", "lat")) + "\n" + separator.join(("119,5", "29,25")) + "\n")
    )
    assert (places.lon.tolist(), places.lat.tolist()) == ([119.5], [29.25])


def test_full_width_digits_and_spaces_are_numbers(tmp_path: Path) -> None:
    places = read_places(save(tmp_path, "lon,lat\n１１９．５, 29.5 \n"))
    assert (places.lon.tolist(), places.lat.tolist()) == ([119.5], [29.5])


def test_blank_rows_are_no_rows(tmp_path: Path) -> None:
    places = read_places(save(tmp_path, "\nid,lon,lat\n\n1,119.5,29.5\n,,\n  \n2,119.6,29.6\n\n"))
    assert places.lon.tolist() == [119.5, 119.6]
    assert not len(places.bad)
    out = tmp_path / "out.csv"
    write_places(out, places, add_owner(places))
    assert out.read_text().splitlines() == ["id,lon,lat,owner", "1,119.5,29.5,东镇", "2,119.6,29.6,东镇"]


def test_bad_rows_are_named_as_a_spreadsheet_counts_and_the_rest_is_read(tmp_path: Path) -> None:
    text = (
        "id,lon,lat\n1,119.5,29.5\n2,,29.5\n\n3,119.5,north\n4,119.5\n5,1,2,3\n6,nan,29.5\n7,119.5,129.5\n"
        "8,1_1,29.5\n9,119.6,29.6\n"
    )
    places = read_places(save(tmp_path, text))
    assert places.lon[places.good].tolist() == [119.5, 119.6]
    assert sorted(places.bad.words) == [3, 5, 6, 7, 8, 9, 10]
    for row, words in (
        (3, "empty"),
        (5, "'north'"),
        (6, "2 cells"),
        (7, "4 cells"),
        (8, "finite"),
        (9, "range"),
        (10, "1_1"),
    ):
        assert words in places.bad.words[row], places.bad.words[row]
    assert "7 of the rows" in places.bad.lines()[-1]
    out = tmp_path / "out.csv"
    write_places(out, places, add_owner(places))
    written = out.read_text().splitlines()
    assert written[:3] == ["id,lon,lat,owner", "1,119.5,29.5,东镇", "2,,29.5,"]
    assert [line.split(",")[0] for line in written[1:]] == [str(n) for n in range(1, 10)]


def test_swapped_rows_are_bad_where_the_districts_are_known(tmp_path: Path) -> None:
    near = Bounds(119.0, 29.0, 120.0, 30.0)
    places = read_places(save(tmp_path, "lon,lat\n119.5,29.5\n29.5,89.0\n29.5,119.5\n")).without_swapped(near)
    assert list(places.bad.words) == [4]
    assert "swapped" in places.bad.words[4]
    assert places.good.tolist() == [True, True, False]


@pytest.mark.parametrize(
    "text", ["lon,lat\nx,y\n", "lon,lat\n,1\n1\n", "lon,lat\n", "a,b\n1,2\n", "", "\n\n", '"', "lon,lat\n\0,1\n"]
)
def test_a_file_without_a_good_row_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        read_places(save(tmp_path, text))


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\x80\x00lon,lat\n")
    with pytest.raises(InvalidInput, match="GB18030"):
        read_places(tmp_path / "x.csv")
    with pytest.raises(NotFound):
        read_places(tmp_path)
    with pytest.raises(NotFound):
        read_places(tmp_path / "none.csv")


def test_a_cell_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    places = read_places(save(tmp_path, f"note,lon,lat\n{'x' * 140_000},119.5, 29.5\n"))
    assert places.lon.tolist() == [119.5]


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"lon,lat\n{text}".encode("utf-8", "replace")))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "in.csv"
    path.write_bytes(content)
    try:
        places = read_places(path)
    except (InvalidInput, NotFound):
        return
    assert places.good.any()
    assert len(places.lon) == len(places.row_numbers())
    for name in ("out.csv", "out.parquet"):
        write_places(folder / name, places, add_owner(places))


def test_addresses_are_read_and_bad_ones_are_named(tmp_path: Path) -> None:
    text = "地址;经度;纬度\n光南路836号;119,69;29,10\n;119,7;29,1\n站前路1号;x;29,1\n"
    rows, bad = read_addresses(save(tmp_path, text, "gb18030"))
    assert rows == [AddressRow("光南路836号", "house", 119.69, 29.1, 30.0)]
    assert sorted(bad.words) == [3, 4]
    with pytest.raises(InvalidInput, match="none of its 1 rows"):
        read_addresses(save(tmp_path, "text,lon,lat\n,1,2\n"))


# -------------------------------------------------------------------------------------------- fields of an address


def test_the_fields_of_a_standard_address_are_read_by_chinese_and_english_headers(tmp_path: Path) -> None:
    chinese = "省,市,区县,乡镇（街道）,村（社区）,街路巷,门（楼）牌号,楼栋,单元,户室,邮编,经度,纬度\n"
    chinese += "浙江省,金华市,金东区,孝顺镇,浦口村,站前路,12,3,2,501,321035,119.85,29.17\n"
    english = "province,city,county,township,village,street,house_number,building,unit,room,postcode,lon,lat\n"
    english += chinese.splitlines()[1] + "\n"
    (one,), _ = read_addresses(save(tmp_path, chinese, "gb18030"))
    (other,), _ = read_addresses(save(tmp_path, english))
    assert one == other
    assert one.text == "浙江省金华市金东区孝顺镇浦口村站前路12号3幢2单元501室"
    assert (one.level, one.parts["street"], one.parts["house"]) == ("house", "站前路", "12")
    assert one.parts["postcode"] == "321035"


@pytest.mark.parametrize(
    ("row", "level", "text"),
    [
        ("孝顺镇,,,", "township", "孝顺镇"), ("孝顺镇,浦口村,,", "village", "孝顺镇浦口村"),
        ("孝顺镇,,站前路,", "road", "孝顺镇站前路"), ("孝顺镇,,站前路,12号", "house", "孝顺镇站前路12号"),
        (",,,", None, None),
    ],
)  # fmt: skip
def test_the_narrowest_field_says_what_an_address_names(
    tmp_path: Path, row: str, level: str | None, text: str | None
) -> None:
    content = f"乡镇,村,街路巷,门牌号,经度,纬度\n{row},119.85,29.17\n傅村镇,,,,119.9,29.2\n"
    found, bad = read_addresses(save(tmp_path, content))
    if level is None:
        assert len(bad) == 1
    else:
        assert (found[0].level, found[0].text) == (level, text)


def test_a_text_is_kept_beside_the_fields(tmp_path: Path) -> None:
    (found,), _ = read_addresses(
        save(tmp_path, "地址,街路巷,门牌号,level,lon,lat\n老车站,站前路,12,place,119.85,29.17\n")
    )
    assert (found.text, found.level, found.parts) == ("老车站", "place", {"street": "站前路", "house": "12"})
