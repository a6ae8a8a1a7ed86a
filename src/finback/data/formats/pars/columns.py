"""The columns of the three files of PARS 1.0: which are required, what they hold, which codes they take."""

from __future__ import annotations

from finback.data.formats.pars import vocabulary as codes

METADATA, DETECTIONS, GPS = "metadata.csv", "detectiondata.csv", "gpsdata.csv"

REQUIRED = {
    METADATA: (
        *("deployment_organization_code", "deployment_code", "project_name", "site_code"),
        *("monitoring_start_datetime", "monitoring_end_datetime"),
        *("deployment_latitude", "deployment_longitude", "deployment_platform_type_code"),
        *("deployment_water_depth_m", "recording_device_depth_m", "recording_device_code"),
        *("recording_device_type_code", "recording_duration_secs", "recording_interval_secs"),
        *("recording_sample_rate_khz", "recording_bit_depth", "recording_n_channels"),
        *("recording_timezone", "points_of_contact", "project_funding"),
    ),
    DETECTIONS: (
        *("deployment_code", "analysis_organization_code", "analysis_sound_source_codes"),
        *("analysis_start_datetime", "analysis_end_datetime", "analysis_sample_rate_khz"),
        *("analysis_min_frequency_khz", "analysis_max_frequency_khz", "analysis_processing_code"),
        *("analysis_protocol_reference", "analysis_detector_code", "analysis_detector_version"),
        *("detection_start_datetime", "detection_end_datetime", "detection_effort_secs"),
        "detection_result_code",
    ),
    GPS: ("deployment_code", "datetime", "latitude", "longitude"),
}
IF_DETECTED = ("detection_sound_source_code", "detection_call_type_code", "detection_n_validated")
OPTIONAL_METADATA = ("deployment_url", "dynamic_management_platform")
OPTIONAL_ANALYSIS = ("analysis_citations",)

INTEGERS = frozenset(("recording_bit_depth", "recording_n_channels", "detection_n_validated"))
# Column -> (least, most); all are numbers.
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("deployment_latitude", "latitude", "localization_latitude"), (-90.0, 90.0)),
    **dict.fromkeys(("deployment_longitude", "longitude", "localization_longitude"), (-180.0, 180.0)),
    **{
        name: (0.0, float("inf"))
        for name in (
            *("deployment_water_depth_m", "recording_device_depth_m", "recording_duration_secs"),
            *("recording_interval_secs", "recording_bit_depth", "recording_n_channels"),
            *("analysis_min_frequency_khz", "analysis_max_frequency_khz", "detection_effort_secs"),
            *("detection_n_validated", "localization_distance_m"),
        )
    },
    # 0.1 to 2,000 kHz is NOAA's rule; no recorder of 2026 is above 700 kHz, so 2000 and 1000 are Hz.
    **dict.fromkeys(("recording_sample_rate_khz", "analysis_sample_rate_khz"), (0.1, 700.0)),
}
CODES: dict[str, frozenset[str]] = {
    "deployment_organization_code": codes.ORGANIZATIONS,
    "deployment_platform_type_code": codes.PLATFORM_TYPES,
    "recording_device_type_code": codes.DEVICE_TYPES,
    "analysis_organization_code": codes.ORGANIZATIONS,
    "analysis_sound_source_codes": codes.SOUND_SOURCES,
    "analysis_processing_code": codes.PROCESSING,
    "analysis_detector_code": codes.DETECTORS,
    "detection_sound_source_code": codes.SOUND_SOURCES,
    "detection_call_type_code": codes.CALL_TYPES,
    "detection_result_code": codes.RESULTS,
}
LISTS = frozenset(("analysis_sound_source_codes",))  # several codes with commas between
PLACEHOLDERS = frozenset(("NA", "N/A", "NULL", "-"))


def is_time(column: str) -> bool:
    """Whether a column holds a moment."""
    return column == "datetime" or column.endswith("_datetime")
