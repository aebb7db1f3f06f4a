"""What installers and trainings ask ONNX Runtime's package: `from onward.capi import onnxruntime_validation`."""

from .. import _engine


def check_distro_info() -> None:
    """Nothing to warn of: the engine asks for no particular distribution. `check_distro_info()`."""


def check_training_module() -> tuple[bool, str, str]:
    """Whether training is there, and for which package and CUDA: (False, "", "")."""
    return False, "", ""


def get_package_name_and_version_info() -> tuple[str, str, str]:
    """The package, its version, and the version of CUDA that it was built for, "" for none."""
    return "onward", _engine.library_version(), ""


__all__ = ["check_distro_info", "check_training_module", "get_package_name_and_version_info"]
