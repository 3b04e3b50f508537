"""What is installed: nobody else has our names, and every dependency is pinned."""

import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOMS, ROOT


def test_no_installed_distribution_owns_our_names() -> None:
    owners = packages_distributions()
    theirs = {room: set(owners.get(room, ())) - {"neurond"} for room in ROOMS}
    assert {room: names for room, names in theirs.items() if names} == {}


def test_every_dependency_is_pinned_to_a_public_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    by_name = {canonicalize_name(pin.name): pin for pin in pins}
    for requirement in map(Requirement, wanted):
        pin = by_name[canonicalize_name(requirement.name)]
        (version,) = pin.specifier
        assert version.operator == "=="
        assert "+" not in version.version, "a local version ties us to one index"
        assert requirement.specifier.contains(version.version), f"{requirement} against {pin}"
        assert pin.url is None
