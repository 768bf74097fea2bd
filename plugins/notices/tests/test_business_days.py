"""Business days against the holidays that the Office of Personnel Management lists."""

from __future__ import annotations

from datetime import date, timedelta

from plugins.notices.business_days import federal_holiday, restore_days

# As listed there for these years, on the days on which offices are closed.
_LISTED = {
    2021: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
}


def test_federal_holidays_are_the_listed_ones() -> None:
    for year, listing in _LISTED.items():
        days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
        holidays = [day for day in days if day.year == year if federal_holiday(day)]
        assert " ".join(f"{day:%m-%d}" for day in holidays) == listing
    # Juneteenth was no holiday before its law.
    assert federal_holiday(date(2020, 6, 19)) is None


def test_the_days_leave_out_weekends_and_holidays() -> None:
    # A Friday before Thanksgiving; the Friday after it is a business day.
    days = restore_days(date(2026, 11, 20))

    assert (days.begin, days.end) == (date(2026, 12, 7), date(2026, 12, 11))
    assert [holiday.day for holiday in days.holidays] == [date(2026, 11, 26)]


def test_two_holidays_at_the_turn_of_the_year_both_count() -> None:
    days = restore_days(date(2027, 12, 20))

    assert [str(holiday.name) for holiday in days.holidays] == ["Christmas Day", "New Year's Day"]
    assert (days.begin, days.end) == (date(2028, 1, 5), date(2028, 1, 11))


def test_no_holiday_lies_in_the_first_days_of_march() -> None:
    days = restore_days(date(2026, 3, 2))

    assert (days.begin, days.end) == (date(2026, 3, 16), date(2026, 3, 20))
    assert not days.holidays
