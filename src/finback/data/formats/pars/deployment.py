"""The TOML file in which a user describes a deployment for PARS, with the field names of PARS.

    deployment = read_deployment(Path("deployment.toml"))
    deployment.values["deployment_code"], deployment.species["Fin whale"].sound_source_code
    template()                                    # a commented file to begin with

A key that is missing is named with an example. Values are checked by the rules of PARS when files are
written.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from finback.core.errors import InputError
from finback.core.toml import LARGEST, parsed_toml

# Key -> (example as in TOML, what it means).
REQUIRED = {
    "deployment_organization_code": ('"NEFSC"', "code of the organization that deployed the recorder"),
    "deployment_code": ('"NEFSC_MA-RI_202003_NS01"', "the name of this deployment, as in all your files"),
    "project_name": ('"Southern New England"', "name of the project"),
    "site_code": ('"NS01"', "name of the site"),
    "deployment_latitude": ("40.9512", "degrees, north is positive"),
    "deployment_longitude": ("-70.5021", "degrees, east is positive"),
    "deployment_platform_type_code": (
        '"BOTTOM_MOUNTED_MOORING"',
        "the platform; if it moves, see gps_file",
    ),
    "deployment_water_depth_m": ("52", "metres"),
    "recording_device_depth_m": ("50", "metres"),
    "recording_device_code": ('"ST5146"', "name or serial number of the recorder"),
    "recording_device_type_code": ('"SOUNDTRAP"', "the kind of recorder"),
    "recording_bit_depth": ("16", "bits of a sample, as recorded"),
    "recording_timezone": ('"UTC"', "the zone of the recorder's clock"),
    "points_of_contact": ('"A. Person <person@example.org>"', "who answers questions"),
    "project_funding": ('"BOEM"', "who paid"),
    "analysis_organization_code": ('"NEFSC"', "code of the organization that analysed the recordings"),
    "analysis_protocol_reference": ('"https://example.org/protocol"', "where the analysis is described"),
    "analysis_detector_code": ('"OTHER"', "finback has no code of its own yet: ask NOAA for one"),
    "analysis_detector_version": ('"finback 1.0, run right-whale-3"', "the version of the detector"),
    "analysis_min_frequency_khz": ("0.05", "lower edge of the band that the model uses, in kHz"),
}
# These follow from the scan; a value here goes before.
OPTIONAL = {
    "monitoring_start_datetime": ("2020-03-01T00:00:00Z", "default: the first recording"),
    "monitoring_end_datetime": ("2020-04-01T00:00:00Z", "default: the end of the last recording"),
    "recording_duration_secs": ("1800", "duty cycle; default: from the recordings"),
    "recording_interval_secs": ("3600", "duty cycle; equal to the duration if the recorder never sleeps"),
    "recording_sample_rate_khz": ("48", "default: the rate of the recordings"),
    "recording_n_channels": ("1", "default: the channels of the recordings"),
    "analysis_sample_rate_khz": ("2", "default: the rate of the model's front end"),
    "analysis_max_frequency_khz": ("1", "default: the upper edge of the model's band"),
    "analysis_processing_code": ('"POST_PROCESSED"', "or REAL_TIME"),
    "analysis_citations": ('"doi:10.1000/example"', "publications"),
    "deployment_url": ('"https://example.org/NS01"', "a page about the deployment"),
    "dynamic_management_platform": ("false", "whether the platform reports for dynamic management"),
}
DEFAULTS = {"analysis_processing_code": "POST_PROCESSED"}
OWN = {
    "folder": ('"NS01"', "only recordings in a folder of this name, if the scan holds several deployments"),
    "gps_file": ('"track.csv"', "positions of a platform that moves: CSV with datetime, latitude, longitude"),
    "other_codes": ('["NEWCODE"]', "codes that are newer than this finback; the checker cannot verify them"),
}


@dataclass(frozen=True)
class SpeciesCodes:
    """The codes of one class of the model."""

    sound_source_code: str
    call_type_code: str


@dataclass(frozen=True)
class Deployment:
    """A deployment as described: values by PARS field, as text; codes of the classes that are reported."""

    path: Path
    values: Mapping[str, str]
    species: Mapping[str, SpeciesCodes]
    other_codes: tuple[str, ...] = ()
    folder: str = ""
    gps_file: Path | None = None


def read_deployment(path: Path) -> Deployment:
    """Read the TOML file. Raises `InputError` that names the key and gives an example."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            found = parsed_toml(file.read(LARGEST + 1))
    except OSError as error:
        repair = "finback pars --template > deployment.toml writes one to begin with"
        raise InputError(f"{path}: cannot be read ({error.strerror or error})", repair) from None
    except ValueError as error:
        raise InputError(f"{path}: not valid TOML: {error}", "correct the file") from None
    known = {**REQUIRED, **OPTIONAL, **OWN}
    for key in found:
        if key not in known and key != "species":
            close = difflib.get_close_matches(key, [*known, "species"], n=1)
            hint = f"did you mean {close[0]}?" if close else "finback pars --template shows all keys"
            raise InputError(f"{path}: unknown key {key}", hint)
    for key, (example, meaning) in REQUIRED.items():
        if _text(path, key, found.get(key, "")) == "":
            raise InputError(f"{path}: no {key} ({meaning})", f"write for example {key} = {example}")
    fields = [key for key in (*REQUIRED, *OPTIONAL) if key in found]
    values = {**DEFAULTS, **{key: _text(path, key, found[key]) for key in fields}}
    others = found.get("other_codes", [])
    if not isinstance(others, list) or not all(isinstance(code, str) for code in others):
        raise InputError(f"{path}: other_codes is no list of texts", "write other_codes = ['NEWCODE']")
    gps = _text(path, "gps_file", found.get("gps_file", ""))
    return Deployment(
        path,
        values,
        dict(_species(path, found.get("species"))),
        tuple(others),
        _text(path, "folder", found.get("folder", "")),
        path.parent / gps if gps else None,
    )


def _species(path: Path, tables: Any) -> Iterator[tuple[str, SpeciesCodes]]:
    example = '[species."Fin whale"] with sound_source_code = "FIWH" and call_type_code = "FIWH_20HZ"'
    if not isinstance(tables, dict) or not tables:
        raise InputError(f"{path}: no species with codes", f"write for example {example}")
    for name, table in tables.items():
        codes = table if isinstance(table, dict) else {}
        wanted = ("sound_source_code", "call_type_code")
        for key in wanted:
            if not isinstance(codes.get(key), str) or not codes[key].strip():
                raise InputError(f'{path}: [species."{name}"] has no {key}', f"write for example {example}")
        for key in codes:
            if key not in wanted:
                raise InputError(f'{path}: [species."{name}"]: unknown key {key}', f"write {example}")
        yield name, SpeciesCodes(*(codes[key].strip() for key in wanted))


def _text(path: Path, key: str, value: Any) -> str:
    """A value as the text of a cell."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, int | float | date):
        return str(value)
    raise InputError(f"{path}: {key} is no single value", "write a text or a number")


def template() -> str:
    """A deployment.toml with all keys, examples and their meaning."""
    lines = [
        "# A deployment, for finback pars: NOAA's passive acoustic reporting system (PARS 1.0).",
        "# Write codes as in the vocabulary of PARS; finback pars --check names those that it does not know.",
        "",
        *(f"{key} = {example}  # {meaning}" for key, (example, meaning) in REQUIRED.items()),
        "",
        "# The following keys may be left out. To use a key, write it without the # before it.",
        *(f"# {key} = {example}  # {meaning}" for key, (example, meaning) in {**OPTIONAL, **OWN}.items()),
        "",
        "# The classes of the model that are reported, each with its codes. Others are left out.",
        '[species."North Atlantic right whale"]',
        'sound_source_code = "RIWH"',
        'call_type_code = "RW_UPCALL"',
        "",
        '[species."Fin whale"]',
        'sound_source_code = "FIWH"',
        'call_type_code = "FIWH_20HZ"',
    ]
    return "\n".join(lines) + "\n"
