"""The package under test is the installed one (./dev python installs it); the models are written once."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import nets  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with all models of nets.py."""
    made = tmp_path_factory.mktemp("nets")
    nets.write_all(made)
    return made


@pytest.fixture
def add():
    import onward

    return onward.InferenceSession(nets.add().SerializeToString())


@pytest.fixture(autouse=True)
def warnings_are_logged():
    """The programs set the process's log level; each test begins with the default."""
    import onward

    onward.set_default_logger_severity(2)
