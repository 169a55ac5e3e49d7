"""What an activation costs those who report meanwhile: the lock that they would wait for, and their longest answer."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.service import Served, load

if TYPE_CHECKING:
    from pathlib import Path

TIMES = 4


class Probe(threading.Thread):
    """Takes the row of the versions as a report does, two hundred times a second, and keeps the longest wait."""

    def __init__(self, url: str) -> None:
        super().__init__(name="probe")
        self._line = psycopg.connect(url, autocommit=True)
        self.stop = threading.Event()
        self.longest_s = 0.0

    def run(self) -> None:
        while not self.stop.wait(0.005):
            began = time.monotonic()
            self._line.execute("select 1 from district_version for share")
            self.longest_s = max(self.longest_s, time.monotonic() - began)
        self._line.close()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_activation_stalls_writes_for_a_moment(tmp_path: Path) -> None:
    served = Served()
    try:
        served.start()
        file = tmp_path / "villages.geojson"
        served.command("grids", "export", str(file), "--level", "village")
        url = json.loads(served.command("db", "url", "--role", "owner", "--json"))["url"].replace("+psycopg", "")
        probe = Probe(url)
        with load(served, per_second=4) as told:
            while len(told.cases) < 20:
                time.sleep(0.1)
            quiet, told.waits_s = sorted(told.waits_s[-12:]), []
            probe.start()
            words = ["load", "grids", str(file), "--level", "village", "--crs", "EPSG:4326", "--code-field", "code"]
            loaded = json.loads(served.command(*words, "--name-field", "name", "--parent-field", "parent", "--json"))
            loading_s, probe.longest_s = probe.longest_s, 0.0
            served.command("grids", "activate", str(loaded["generation"]))
            for n in range(TIMES - 1):
                back = n % 2 == 0
                served.command("grids", *(["rollback"] if back else ["activate", str(loaded["generation"])]))
            probe.stop.set()
            probe.join()
            waits = sorted(told.waits_s)
        assert told.bad == []
        sys.stdout.write(
            f"\n{TIMES} activations: the row of the versions waited for {probe.longest_s * 1000:.0f} ms at most, "
            f"{loading_s * 1000:.0f} ms while a level of the draft was loaded; {len(waits)} reports were answered in "
            f"{waits[-1] * 1000:.0f} ms at most ({quiet[-1] * 1000:.0f} ms before)\n"
        )
        served.command("audit", "verify")
        # The lock itself; what a machine without a free core adds to an answer is not the activation's.
        assert probe.longest_s < 2.0
    finally:
        served.close()
