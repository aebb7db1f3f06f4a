"""What a session tells about its model: NodeArg and ModelMetadata."""

from __future__ import annotations

from typing import Any

from . import _types
from ._engine import Model


class NodeArg:
    """An input, output or overridable initializer.

    >>> [(x.name, x.type, x.shape) for x in session.get_inputs()]
    [('image', 'tensor(float)', ['N', 3, 224, 224])]
    """

    __slots__ = ("_name", "_type", "_shape")

    def __init__(self, name: str, type: str, shape: list[int | str | None]) -> None:
        self._name, self._type, self._shape = name, type, shape

    @property
    def name(self) -> str:
        """The name to feed or fetch it by: `session.get_inputs()[0].name`."""
        return self._name

    @property
    def type(self) -> str:
        """ "tensor(float)", "seq(map(int64,tensor(float)))", ..."""
        return self._type

    @property
    def shape(self) -> list[int | str | None]:
        """A size, a symbol or None (unknown) an axis; [] for a scalar, an unknown rank, and what is no tensor."""
        return list(self._shape)

    def __repr__(self) -> str:
        return f"NodeArg(name={self._name!r}, type={self._type!r}, shape={self._shape!r})"

    def __str__(self) -> str:
        return repr(self)


def type_string(text: str) -> str:
    """The engine's text of a type in ONNX Runtime's words: `type_string("seq(float[N,3])")` is "seq(tensor(float))"."""
    text = text.strip()
    for kind in ("seq", "optional"):
        if text.startswith(kind + "("):
            return f"{kind}({type_string(text[len(kind) + 1 : -1])})"
    if text.startswith("map("):
        key, _, item = text[4:-1].partition(",")
        return f"map({key.strip()},{type_string(item)})"
    if text.startswith("sparse"):
        return f"sparse_tensor({_element(text.removeprefix('sparse').strip(' ('))})"
    return f"tensor({_element(text)})"


def _element(text: str) -> str:
    name = text.partition("[")[0].strip(" )")
    return name if name != "?" else _types.name_of(0)


def node_arg(port: tuple[Any, ...]) -> NodeArg:
    """A NodeArg of what Model.inputs() lists."""
    name, text, _, _, shape, _ = port
    return NodeArg(name, type_string(text), shape or [])


class ModelMetadata:
    """What a model says of itself.

    >>> session.get_modelmeta().custom_metadata_map["classes"]
    'cat,dog'
    """

    __slots__ = ("_model", "_custom")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._custom = model.metadata()

    @property
    def producer_name(self) -> str:
        """The program that made the model: `meta.producer_name`."""
        return self._model.field("producer_name")

    @property
    def graph_name(self) -> str:
        """The name of its graph: `meta.graph_name`."""
        return self._model.field("graph_name")

    @property
    def domain(self) -> str:
        """Its namespace: `meta.domain`."""
        return self._model.field("domain")

    @property
    def description(self) -> str:
        """Its documentation: `meta.description`."""
        return self._model.field("doc_string")

    @property
    def graph_description(self) -> str:
        """The documentation of its graph: `meta.graph_description`."""
        return self._model.field("graph_doc_string")

    @property
    def version(self) -> int:
        """Its version, 0 where it has none: `meta.version`."""
        return int(self._model.field("model_version") or 0)

    @property
    def custom_metadata_map(self) -> dict[str, str]:
        """The keys and values that its maker left: `meta.custom_metadata_map.get("classes")`."""
        return dict(self._custom)
