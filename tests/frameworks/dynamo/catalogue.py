"""All cases, family by family."""

import importlib

FAMILIES = (
    "modules",
    "index_modules",
    "layer_modules",
    "flow_modules",
    "construct_modules",
    "language_models",
    "sight_and_sound_models",
    "recent_models",
    "torchvision_models",
    "traced",
)


def cases() -> list:
    found = [case for family in FAMILIES for case in importlib.import_module(family).cases()]
    names = [case.name for case in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two cases of one name: {', '.join(twice)}")
    return found
