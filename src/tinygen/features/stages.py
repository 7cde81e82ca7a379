"""What the parts of a front end are called, in the order of the device's counts (PROFILE, StageClock)."""

from __future__ import annotations

from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec


def stage_names(spec: FeatureSpec) -> tuple[str, ...]:
    """Names by the number the C++ front end marks; a stage the spec has switched off keeps its number.

    Their twins are the enumerations in firmware/include/tinygen/features/{logmel,bands,scaled_window}.h.
    """
    match spec:
        case LogMelSpec():
            return ("gather", "window", "fft", "energy, filter bank", "noise reduction", "pcan", "log", "quantize")
        case BandEnergySpec():
            more = ("statistics", "envelope") if spec.statistics or spec.envelope_bands else ()
            return ("gather", "window", "fft", "bands", "log and quantize", *more)
        case _:
            return ("gather", "mean and quantize")


def stages_in_use(spec: FeatureSpec) -> tuple[str, ...]:
    """The stages that do something under this spec."""
    idle = set()
    if isinstance(spec, LogMelSpec):
        idle |= set() if spec.enable_noise_reduction else {"noise reduction"}
        idle |= set() if spec.enable_pcan else {"pcan"}
    if isinstance(spec, BandEnergySpec):
        idle |= set() if spec.statistics else {"statistics"}
        idle |= set() if spec.envelope_bands else {"envelope"}
    return tuple(name for name in stage_names(spec) if name not in idle)
