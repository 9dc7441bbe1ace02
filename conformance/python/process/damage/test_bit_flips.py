"""One flipped bit, anywhere in the data folder: it is named, or it does no harm.

`BIT_FLIPS=10000` is the full run; `SEED=...` repeats one.
"""

import os
import time
from collections import Counter, defaultdict

from .judge import Damage, Judge, Wrong

FLIPS = int(os.environ.get("BIT_FLIPS") or (100 if os.environ.get("QUICK") else 300))
# How often each purpose is hit: what has structure more often than its few bytes would be, and
# space that nobody reads only to see that nobody does.
WEIGHTS = {
    "file head": 5,
    "entry head": 12,
    "record head": 10,
    "batch head": 10,
    "batch records": 14,
    "event": 8,
    "change of a log": 5,
    "padding": 2,
    "trailer": 2,
    "segment head": 1,
    "section batches": 14,
    "section index": 6,
    "section foot": 6,
    "snapshot": 8,
    "format stamp": 1,
    "free space": 5,
}
# A full run ends after this many, so that a broken build does not take all night.
WRONG_MAX = 20


class Flips:
    """Deals positions of a folder, no bit twice."""

    def __init__(self, reference, dice):
        self.dice, self.dealt = dice, set()
        self.regions = defaultdict(list)
        for region in reference.layout().regions():
            self.regions[region.purpose].append(region)
        self.left = {
            purpose: 8 * sum(region.end - region.start for region in regions)
            for purpose, regions in self.regions.items()
        }

    def deal(self):
        """(region, position, bit)"""
        while True:
            purposes = [purpose for purpose, left in self.left.items() if left > 0]
            weights = [WEIGHTS[purpose] for purpose in purposes]
            [purpose] = self.dice.choices(purposes, weights)
            regions = self.regions[purpose]
            sizes = [region.end - region.start for region in regions]
            [region] = self.dice.choices(regions, sizes)
            position = self.dice.randrange(region.start, region.end)
            flip = (region, position, self.dice.randrange(8))
            if flip not in self.dealt:
                self.dealt.add(flip)
                self.left[purpose] -= 1
                return flip


def flip(file, position, bit):
    def do(folder):
        with open(folder / file, "r+b") as handle:
            handle.seek(position)
            [byte] = handle.read(1)
            handle.seek(position)
            handle.write(bytes([byte ^ 1 << bit]))

    return do


def run(judge, flips, count):
    """Verdicts by purpose, and what went wrong."""
    verdicts, wrong = Counter(), []
    for _ in range(count):
        region, position, bit = flips.deal()
        damage = Damage(region.file, f"bit {bit} flipped, {region.purpose}", position)
        try:
            verdicts[region.purpose, judge.judge(damage, flip(region.file, position, bit))] += 1
        except Wrong as error:
            verdicts[region.purpose, "WRONG"] += 1
            wrong.append(str(error))
            if len(wrong) >= WRONG_MAX:
                break
    return verdicts, wrong


def table(verdicts):
    kinds = ["refused", "reported", "cut", "harmless", "WRONG"]
    lines = [f"{'':<18}" + "".join(f"{kind:>10}" for kind in kinds)]
    for purpose in sorted({purpose for purpose, _ in verdicts}):
        counts = [verdicts[purpose, kind] for kind in kinds]
        lines.append(f"{purpose:<18}" + "".join(f"{count:>10}" for count in counts))
    return "\n".join(lines)


def hold(reference, count, dice, work, keep, report):
    judge, flips = Judge(reference, work, keep), Flips(reference, dice)
    started = time.monotonic()
    verdicts, wrong = run(judge, flips, count)
    each = (time.monotonic() - started) / sum(verdicts.values())
    print(table(verdicts))
    outcomes = Counter()
    for (_, outcome), hits in verdicts.items():
        outcomes[outcome] += hits
    living = sum(hits for (purpose, _), hits in verdicts.items() if purpose != "free space")
    counts = ", ".join(f"{hits} {outcome}" for outcome, hits in sorted(outcomes.items()))
    report(
        f"{sum(verdicts.values())} bits flipped in the {reference.path.name} folder, "
        f"{living} of them in living bytes: {counts}; {each:.2f} s each"
    )
    assert not wrong, f"{len(wrong)} of {sum(verdicts.values())}: {wrong[0]}"
    # One in eleven is dealt to free space; of few flips it may be more.
    assert living >= 0.7 * sum(verdicts.values())
    return verdicts


def test_a_flipped_bit_is_named_or_harmless(complete, dice, in_memory, tmp_path, report):
    verdicts = hold(complete, FLIPS, dice, in_memory, tmp_path, report)
    # These bytes are all needed: if flips in them did no harm, the case would look at nothing.
    for purpose in ("record head", "batch head", "batch records", "event", "snapshot"):
        assert verdicts[purpose, "harmless"] == 0, purpose
    assert verdicts["section batches", "reported"] > 0
    assert not any(outcome == "cut" for _, outcome in verdicts)


def test_a_flipped_bit_in_a_first_journal_file(young, dice, in_memory, tmp_path, report):
    verdicts = hold(young, FLIPS // 5, dice, in_memory, tmp_path, report)
    assert not any(outcome == "cut" for _, outcome in verdicts)


def test_only_what_nothing_vouches_for_passes_for_a_torn_tail(
    unsure, dice, in_memory, tmp_path, report
):
    """The judge takes a cut only for a flip inside the entries of the moment before kill -9."""
    verdicts = hold(unsure, FLIPS // 5, dice, in_memory, tmp_path, report)
    assert any(outcome == "cut" for _, outcome in verdicts), "no flip fell into the last entry"
    assert any(outcome == "refused" for _, outcome in verdicts)
