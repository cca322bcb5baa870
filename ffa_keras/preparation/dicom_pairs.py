"""From a DICOM export to a `pairs.csv` that somebody looks at.

An eye of a patient on a day is one pair: its photograph, and the frame of its
angiogram that lies nearest to the late phase. Nothing of a header is written
but hashes, the eye, numbers of frames and minutes; paths are, for the files
have to be found again.
"""

import collections
import dataclasses
import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ffa_keras.errors import InputError
from ffa_keras.files import write_table
from ffa_keras.images.checks import Damaged
from ffa_keras.images.dicom import check_installed, is_dicom_image
from ffa_keras.preparation.splits import hashed_id

# The paper's late phase, minutes after the injection.
LATE_PHASE = 5.0, 6.0
COLUMNS = (
    "pair_id", "fundus", "ffa", "patient", "eye", "fundus_frame", "ffa_frame",
    "seconds_after_injection", "minutes", "minutes_since", "photographs",
    "angiogram_frames",
)  # fmt: skip
_DATE_TIME = re.compile(r"(\d{8})(\d{2})(\d{2})(\d{2})?(\.\d+)?")


@dataclasses.dataclass(frozen=True)
class _Frame:
    """One image of an eye.

    Attributes:
        path: of its file.
        number: in its file, from 1; `None` if it is the only one.
        time: when it was taken, or `None`.
        bolus: when the contrast agent was given, or `None`.
    """

    path: Path
    number: int | None
    time: datetime.datetime | None
    bolus: datetime.datetime | None


@dataclasses.dataclass
class _Eye:
    """What there is of an eye of a patient on one day."""

    photographs: list[_Frame] = dataclasses.field(default_factory=list)
    angiograms: list[_Frame] = dataclasses.field(default_factory=list)


def list_pairs(
    folder: Path, key: bytes
) -> tuple[list[dict[str, str]], list[str]]:
    """Find the pairs of a DICOM export.

    Args:
        folder: searched at any depth, by content.
        key: secret of the hashes.

    Returns:
        A row of `COLUMNS` for each pair, paths relative to `folder`, and notes
        on what was left out, without names.

    Raises:
        InputError: there is no pair, or the extra is not installed.
    """
    check_installed()
    if not folder.is_dir():
        raise InputError(f"--dicom_dir={folder}: no such folder")
    eyes: dict[tuple[str, str, str], _Eye] = collections.defaultdict(_Eye)
    left_out: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_dicom_image(path):
            reason = _sort(path, eyes)
            left_out.update([reason] if reason else [])
    rows = []
    for (patient, visit, side), eye in sorted(eyes.items()):
        for kind, found in vars(eye).items():
            if not found:
                left_out[f"an eye on a day of which there are no {kind}"] += 1
        if eye.photographs and eye.angiograms:
            rows.append(
                {
                    "pair_id": hashed_id(
                        key, "pair", f"{patient}{visit}{side}"
                    ),
                    "patient": hashed_id(key, "patient", patient),
                    "eye": side,
                    **_chosen(eye, folder),
                }
            )
    notes = [
        f"{count} left out: {reason}"
        for reason, count in sorted(left_out.items())
    ]
    if not rows:
        raise InputError(
            f"--dicom_dir={folder}: no photograph with an angiogram of the"
            f" same eye; {'; '.join(notes) or 'no DICOM file'}"
        )
    return rows, [*notes, *_phase_notes(rows)]


def write_pairs(
    path: Path, rows: Sequence[dict[str, str]], may_exist: bool
) -> None:
    """Write the table.

    Args:
        path: of the CSV file.
        rows: as `list_pairs` returns them.
        may_exist: whether it may replace another.

    Raises:
        InputError: it exists.
    """
    cells = ([row[name] for name in COLUMNS] for row in rows)
    write_table(path, [COLUMNS, *cells], exclusive=not may_exist)


def _sort(path: Path, eyes: dict[tuple[str, str, str], _Eye]) -> str:
    """Put a file where it belongs; else say why not."""
    from ffa_keras.images.dicom import header as headers

    try:
        header = headers.parse_header(path)
        headers.check_readable(header)
    except Damaged as error:
        return str(error)
    with headers.refusing_in_words():
        patient = headers.text(header, "PatientID")
        issuer = headers.text(header, "IssuerOfPatientID")
        visit = headers.text(header, "StudyDate") or headers.text(
            header, "StudyInstanceUID"
        )
        side, role = headers.laterality(header), headers.role(header)
        if not (patient and visit):
            return "says neither whose nor of which day it is"
        if not side:
            return "does not say which eye it is"
        frames = list(_frames(path, header))
        eye = eyes[f"{patient}\0{issuer}", visit, side]
        if role == headers.PHOTOGRAPH:
            eye.photographs += frames
        elif role == headers.ANGIOGRAMS[0]:
            eye.angiograms += frames
        else:
            return "neither a colour photograph nor a fluorescein angiogram"
    return ""


def _frames(path: Path, header: Any) -> Iterator[_Frame]:
    """Yield the frames of a file with their times."""
    from ffa_keras.images.dicom import header as headers

    start = _moment(header, "Acquisition") or _moment(header, "Content")
    bolus = None
    given = headers.text(header, "ContrastBolusStartTime")
    if given and start:
        bolus = _parsed(f"{start:%Y%m%d}{given}")
    count = headers.num_frames(header)
    steps = [float(v) for v in headers.values(header, "FrameTimeVector")]
    if len(steps) != count:
        steps = [0.0] + [float(header.get("FrameTime") or 0)] * (count - 1)
    elapsed = datetime.timedelta()
    for number, step in enumerate(steps, 1):
        elapsed += datetime.timedelta(milliseconds=step)
        yield _Frame(
            path,
            number if count > 1 else None,
            start + elapsed if start else None,
            bolus,
        )


def _moment(header: Any, kind: str) -> datetime.datetime | None:
    from ffa_keras.images.dicom import header as headers

    return _parsed(headers.text(header, f"{kind}DateTime")) or _parsed(
        headers.text(header, f"{kind}Date")
        + headers.text(header, f"{kind}Time")
    )


def _parsed(text: str) -> datetime.datetime | None:
    """Return a moment in the form YYYYMMDDHHMM[SS[.F]], whatever follows."""
    found = _DATE_TIME.match(text)
    if not found:
        return None
    day, hour, minute, second, fraction = found.groups()
    try:
        moment = datetime.datetime.strptime(
            f"{day}{hour}{minute}{second or '00'}", "%Y%m%d%H%M%S"
        )
    except ValueError:
        return None
    return moment + datetime.timedelta(seconds=float(fraction or 0))


def _chosen(eye: _Eye, folder: Path) -> dict[str, str]:
    """Return the cells that say which frames make the pair of an eye."""
    times = [frame.time for frame in eye.angiograms if frame.time]
    boluses = [frame.bolus for frame in eye.angiograms if frame.bolus]
    start = min(boluses or times, default=None)

    def minutes(frame: _Frame) -> float | None:
        if not (frame.time and start):
            return None
        return (frame.time - start).total_seconds() / 60

    def away(frame: _Frame) -> float:
        least, most = LATE_PHASE
        after = minutes(frame)
        if after is None:
            return float("inf")
        return max(least - after, after - most, 0)

    # Of frames as near the latest: exports are in the order of their time.
    angiogram = min(reversed(eye.angiograms), key=away)

    def apart(frame: _Frame) -> float:
        if not (frame.time and angiogram.time):
            return float("inf")
        return abs((frame.time - angiogram.time).total_seconds())

    photograph = min(eye.photographs, key=apart)
    after = minutes(angiogram)
    return {
        "fundus": photograph.path.relative_to(folder).as_posix(),
        "ffa": angiogram.path.relative_to(folder).as_posix(),
        "fundus_frame": str(photograph.number or ""),
        "ffa_frame": str(angiogram.number or ""),
        "seconds_after_injection": f"{60 * after:.0f}"
        if boluses and after is not None and after >= 0
        else "",
        "minutes": "" if after is None else f"{after:.1f}",
        "minutes_since": ""
        if after is None
        else ("injection" if boluses else "first frame"),
        "photographs": str(len(eye.photographs)),
        "angiogram_frames": str(len(eye.angiograms)),
    }


def _phase_notes(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    unknown = sum(not row["minutes"] for row in rows)
    early = sum(
        bool(row["minutes"]) and float(row["minutes"]) < LATE_PHASE[0]
        for row in rows
    )
    late = "{:g} to {:g} minutes".format(*LATE_PHASE)
    if early:
        yield (
            f"{early} of {len(rows)} pairs have no frame as late as {late};"
            " the latest is listed"
        )
    if unknown:
        yield (
            f"{unknown} of {len(rows)} pairs do not say when their frames were"
            " taken; the last is listed"
        )
