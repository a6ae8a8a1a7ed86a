"""From a survey of a file to its properties: each part is opened, its last sample decoded where needed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from finback.audio import decoder
from finback.audio import validation as checks
from finback.audio.addresses import Place
from finback.audio.decoder import Facts
from finback.audio.hushed import hushed
from finback.audio.info import CODED, MAX_FRAMES, AudioInfo, lengths
from finback.audio.parts import Part, Survey
from finback.core.errors import AudioError


def surveyed(path: Place, survey: Survey) -> AudioInfo:
    """The properties of the sound that the survey found. Raises `AudioError`."""
    if survey.refused:
        raise checks.not_audio(path, survey.refused)
    try:
        with hushed() if survey.noisy else nullcontext():
            return _of_parts(path, survey) if survey.parts else _as_it_stands(path, survey)
    except AudioError:
        if survey.otherwise is None:
            raise
    return surveyed(path, survey.otherwise)


def _as_it_stands(path: Place, survey: Survey) -> AudioInfo:
    facts = decoder.facts(path)
    if survey.n_samples not in (None, facts.n_samples):
        raise checks.undecodable(path, f"{facts.n_samples} samples, not {survey.n_samples}")
    n_samples, remarks = facts.n_samples, list(survey.remarks)
    if not _whole(path, None, facts, survey):
        n_samples = decoder.count(path)
        remarks.append(lengths(facts.format, facts.n_samples, n_samples))
    return _info(path, facts, n_samples, n_samples != facts.n_samples, remarks)


def _of_parts(path: Place, survey: Survey) -> AudioInfo:
    all_facts = [decoder.facts(path, part) for part in survey.parts]
    first = all_facts[0]
    parts: list[tuple[Part, int]] = []
    remarks = list(survey.remarks)
    for part, facts in zip(survey.parts, all_facts, strict=True):
        if (facts.sample_rate, facts.n_channels) != (first.sample_rate, first.n_channels):
            channels = "1 channel" if facts.n_channels == 1 else f"{facts.n_channels} channels"
            another = f"another sound of {facts.sample_rate} Hz and {channels} that follows"
            remarks.append(f"left out: {another}; save it as a file of its own")
            break
        n_samples = facts.n_samples
        if not _whole(path, part, facts, survey):
            if survey.otherwise is not None:
                raise checks.undecodable(path, f"sample {facts.n_samples} is not there")
            n_samples = decoder.count(path, part)
            remarks.append(f"the sound is damaged at sample {n_samples}; the samples before it were read")
        parts.append((part, n_samples))
    if len(parts) > 1:
        remarks.append(f"{len(parts)} {survey.joined} stand one after another; they were read as one sound")
    found = sum(n for _, n in parts)
    promised = found * survey.promised // survey.found if survey.found else survey.promised
    if survey.promised > survey.found:
        promised = max(promised, found + 1)  # it was rounded down
    wrong = survey.promised != survey.found and promised != found
    if wrong:
        remarks.append(lengths(survey.kind or first.format, promised, found))
    return _info(path, first, found, wrong or len(survey.parts) > 1, remarks, [p for p in parts if p[1]])


def _info(
    path: Place,
    facts: Facts,
    n_samples: int,
    repaired: bool,
    remarks: Sequence[str],
    parts: Sequence[tuple[Part, int]] = (),
) -> AudioInfo:
    kind = (facts.format, facts.subtype, repaired)
    return AudioInfo(
        path, facts.sample_rate, n_samples, facts.n_channels, *kind, tuple(remarks), parts=tuple(parts)
    )


def _whole(path: Place, part: Part | None, facts: Facts, survey: Survey) -> bool:
    """Can a compressed file be decoded up to the length that its header gives?"""
    if facts.format not in CODED:
        return True
    if not 0 < facts.n_samples < MAX_FRAMES:
        return False
    if facts.format == "OGG":
        return not 0 < survey.most_samples < facts.n_samples
    return survey.verified or decoder.reaches(path, part, facts.n_samples)
