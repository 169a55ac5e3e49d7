"""Operations on cases: report, recommend, assign, steps, timers."""
