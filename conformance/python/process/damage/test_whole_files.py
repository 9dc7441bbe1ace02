"""Whole files that are missing, cut, zeroed, exchanged or too many, of every kind in the data
folder: named, or harmless. `WHOLE_FILES=1` prints what came of each.
"""

import itertools
import os
import shutil
from collections import Counter
from functools import partial

from .judge import Damage, Judge, Wrong

PAGE = 4096


def missing(path):
    path.unlink()


def cut_to(share):
    def do(path):
        os.truncate(path, int(path.stat().st_size * share))

    return do


def shorter_by_a_byte(path):
    os.truncate(path, path.stat().st_size - 1)


def longer(path):
    with open(path, "ab") as file:
        file.write(os.urandom(PAGE))


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def zeroed_head(path):
    """As a lost write leaves it."""
    with open(path, "r+b") as file:
        file.write(bytes(min(PAGE, path.stat().st_size)))


def hole(path):
    """A page that was never written, or forgotten, where there is data."""
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 4 // PAGE * PAGE)
        at = file.tell()
        length = min(PAGE, path.stat().st_size - at)
        file.write(bytes(length))


def noise(path):
    path.write_bytes(os.urandom(path.stat().st_size))


ALONE = {
    "is missing": missing,
    "is cut to nothing": cut_to(0),
    "is cut in half": cut_to(0.5),
    "is a byte shorter": shorter_by_a_byte,
    "is longer": longer,
    "is zeros": zeroed,
    "begins with zeros": zeroed_head,
    "has a hole": hole,
    "is noise": noise,
}


def files_of(reference):
    """Every file that has content."""
    names = [path for path in reference.path.rglob("*") if path.is_file() and path.name != "LOCK"]
    return sorted(str(path.relative_to(reference.path)) for path in names)


def single_damages(reference):
    files = files_of(reference)
    for file in files:
        # What is behind a gap in the journal shows it: the next file, or where there is no snapshot
        # any more the first that it does not cover, which may be gone as it should be.
        witnesses = [other for other in files if other.startswith("journal/")]
        witnesses += [f"journal/{n:020}.journal" for n in range(1, 9)]
        gap = file.startswith("snapshots/") or file == witnesses[0]
        for what, do in ALONE.items():
            seen_by = tuple(witnesses) if gap and what == "is missing" else ()
            yield Damage(file, what, files=seen_by), partial(damage_one, file, do)


def damage_one(file, do, folder):
    do(folder / file)


def exchanges(reference):
    """Two files with each other's content, of the same kind or not."""
    for one, other in itertools.combinations(files_of(reference), 2):
        damage = Damage(one, f"is exchanged with {other}", files=(other,))
        yield damage, partial(exchange, one, other)


def exchange(one, other, folder):
    spare = folder / "spare"
    (folder / one).rename(spare)
    (folder / other).rename(folder / one)
    spare.rename(folder / other)


def extras(reference):
    """Files that nobody asked for: the content of another, or noise, under a free number or under a
    name that looks like one of ours."""
    files = files_of(reference)
    for file in files:
        folder, _, name = file.rpartition("/")
        if not folder:
            continue
        number, extension = name.split(".")
        number = int(number)
        for extra in (
            f"{number + 1000:020}.{extension}",
            f"{max(number - 1, 0):020}.{extension}",
            f"{2**64 - 1:020}.{extension}",
            f"{10**20 - 1}.{extension}",
            f"{number}.{extension}",
            f"+{number:019}.{extension}",
            f"{name}.bak",
        ):
            extra = f"{folder}/{extra}"
            if extra in files:
                continue
            damage = Damage(extra, f"is a copy of {file}", files=(file,))
            yield damage, partial(copy_to, file, extra)
            damage = Damage(extra, "is noise nobody wrote")
            yield damage, partial(noise_like, file, extra)
        extra = f"{folder}/{number + 7:020}.{extension}"
        yield Damage(extra, "is a folder"), partial(make_folder, extra)
    for extra in ("notes", "segments/README"):
        yield Damage(extra, "is somebody's"), partial(noise_like, "FORMAT", extra)


def copy_to(file, extra, folder):
    shutil.copy(folder / file, folder / extra)


def noise_like(file, extra, folder):
    (folder / extra).write_bytes(os.urandom((folder / file).stat().st_size))


def make_folder(extra, folder):
    (folder / extra).mkdir()


def hold(reference, damages, work, keep, report):
    judge, outcomes, wrong = Judge(reference, work, keep), Counter(), []
    for damage, do in damages:
        try:
            outcome = judge.judge(damage, do)
        except Wrong as error:
            outcome = "WRONG"
            wrong.append(str(error))
        outcomes[outcome] += 1
        if os.environ.get("WHOLE_FILES"):
            print(f"{outcome:<9} {damage}")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    report(f"{reference.path.name} folder, whole files: {counts}")
    assert not wrong, f"{len(wrong)} of {sum(outcomes.values())}: " + "\n\n".join(wrong)
    assert outcomes["refused"] > 0


def test_damaged_files_are_named_or_harmless(complete, in_memory, tmp_path, report):
    hold(complete, single_damages(complete), in_memory, tmp_path, report)


def test_exchanged_files_are_named_or_harmless(complete, in_memory, tmp_path, report):
    hold(complete, exchanges(complete), in_memory, tmp_path, report)


def test_files_too_many_are_named_or_harmless(complete, in_memory, tmp_path, report):
    hold(complete, extras(complete), in_memory, tmp_path, report)


def test_damaged_files_of_a_young_folder(young, in_memory, tmp_path, report):
    damages = itertools.chain(single_damages(young), exchanges(young), extras(young))
    hold(young, damages, in_memory, tmp_path, report)


def test_damaged_files_of_a_folder_without_a_snapshot(two_files, in_memory, tmp_path, report):
    damages = itertools.chain(single_damages(two_files), exchanges(two_files))
    hold(two_files, damages, in_memory, tmp_path, report)


def test_exchanged_segments_of_the_same_shape_are_named(twins, in_memory, tmp_path, report):
    hold(twins, exchanges(twins), in_memory, tmp_path, report)
