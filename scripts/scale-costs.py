"""What many recorders need: hours of cores, bytes and money, from figures that were measured elsewhere. docs/scale.md shows the tables.

    python3 scripts/scale-costs.py [--recorders 1000] [--hours-a-day 24] [--days 365] [--minutes 1]
                                   [--core-hour 0.04] [--gb-month 0.023]

--minutes is the length of a recording. Prices are assumptions in US dollars, for you to replace: a core for an hour, and a gigabyte
of object storage for a month. Nothing is measured here; each figure names where it comes from.
"""
import argparse

# On two cores, times real time, with all of the program: docs/performance.md, "A day in one recording" (scripts/bench-long.sh, 48 kHz
# stereo WAV; mono is faster).
CORES = 2
PREDICT = {"CNN": 2318, "YAMNet, evidence": 769}
# 48 kHz, 16 bits, mono; FLAC of the field is about half of that.
BYTES_AN_HOUR = 48_000 * 2 * 3600
# Of a million recordings: docs/scale.md, "Manifests" (scripts/bench-scale.sh): seconds of `scan --resume`, MiB of it, and bytes a recording.
SCAN_SECONDS, SCAN_MIB, MANIFEST_BYTES, DETAILS_BYTES, JOURNAL_BYTES = 31.2, 603, 287, 603, 614
# Bytes of `predict` an hour of sound, with windows of 5 s and two classes: docs/scale.md, "Predictions".
TABLE_BYTES, PREDICT_JOURNAL_BYTES = 44_274, 168_397


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--recorders", type=int, default=1000)
    parser.add_argument("--hours-a-day", type=float, default=24)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--core-hour", type=float, default=0.04)
    parser.add_argument("--gb-month", type=float, default=0.023)
    given = parser.parse_args()
    hours = given.recorders * given.hours_a_day * given.days
    recordings = hours * 60 / given.minutes
    sound = hours * BYTES_AN_HOUR
    print(f"{given.recorders:,} recorders, {given.hours_a_day:g} hours a day, {given.days} days: {hours:,.0f} hours of sound in {recordings:,.0f} recordings\n")
    print("| what | how much | money |")
    print("| --- | --- | --- |")
    print(f"| sound, 48 kHz mono WAV | {sound / 1e12:,.0f} TB | {sound / 1e9 * given.gb_month:,.0f} $ a month |")
    for name, speed in PREDICT.items():
        core_hours = hours / speed * CORES
        machines = hours / speed / 24
        print(f"| `predict`, {name} | {core_hours:,.0f} core-hours: {machines:,.1f} days on one machine of {CORES} cores, {machines / 50:,.1f} on 50 | {core_hours * given.core_hour:,.0f} $ |")
    table, journal = hours * TABLE_BYTES, hours * PREDICT_JOURNAL_BYTES
    print(f"| `predict`, a row a window | {table / 1e9:,.0f} GB (journals while it runs: {journal / 1e9:,.0f} GB) | {table / 1e9 * given.gb_month:,.0f} $ a month |")
    millions = recordings / 1e6
    print(f"| one manifest of all | {recordings * MANIFEST_BYTES / 1e9:,.1f} GB, and {recordings * (DETAILS_BYTES + JOURNAL_BYTES) / 1e9:,.0f} GB of details and journal | |")
    print(f"| `scan --resume` of it | {SCAN_SECONDS * millions / 60:,.0f} minutes, {SCAN_MIB * millions / 1024:,.0f} GiB of memory | |")
    print(f"| the same by recorder, {recordings / given.recorders:,.0f} recordings each | {SCAN_SECONDS * millions / given.recorders:,.0f} s, {SCAN_MIB * millions / given.recorders:,.0f} MiB | |")


main()
