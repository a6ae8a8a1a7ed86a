"""The files of an ONNX network: the graph, and the files beside it that hold its large tensors.

    files = network_files(Path("perch.onnx"))     # {"perch.onnx": path, "perch.onnx.data": path}
    content_of(files)                             # 12 hex digits of all of them

A graph names its other files by paths relative to its own folder. A path that leads out of this folder is
refused, since a network can come from anybody. https://onnx.ai/onnx/repo-docs/ExternalData.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finback.core.errors import InputError, SettingsError
from finback.core.extras import install as install_line
from finback.core.storage.paths import inside

INSTALL = install_line("onnx")
EXPORT = "export it again"


def network_files(path: Path) -> dict[str, Path]:
    """The files by their name relative to the folder of the network, which comes first.

    Raises `SettingsError` when the network or another file is missing, damaged, or outside the folder.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingsError(f"the network {path}: no such file", "check the path")
    files = {path.name: path}
    if path.suffix == ".safetensors":  # weights of a network that finback has as code, in one file
        return files
    for name in sorted(set(_external(_model(path), path))):
        try:
            files[name] = inside(path.parent, name)
        except InputError as error:
            problem = f"{path}: its tensors are in another folder ({error.problem})"
            raise SettingsError(problem, "put all files of the network into one folder") from None
        if not files[name].is_file():
            raise SettingsError(
                f"{path}: the file {name} with its tensors is not beside it",
                "copy all files of the network into one folder",
            )
    return files


def content_of(files: dict[str, Path]) -> str:
    """12 hex digits of the contents of all files; of a network in one file, those of this file."""
    hashes = [_hash(path) for path in files.values()]
    if len(hashes) == 1:
        return hashes[0].hexdigest()
    named = zip(list(files)[1:], hashes[1:], strict=True)  # the name of the graph does not matter
    text = hashes[0].hexdigest() + "".join(f"\n{name} {each.hexdigest()}" for name, each in named)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _hash(path: Path) -> Any:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=6))


def _model(path: Path) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise SettingsError("onnx: the package onnx is not installed", INSTALL) from None
    try:
        return onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SettingsError(f"{path}: not a network that onnxruntime can run ({text})", EXPORT) from None


def _external(model: Any, path: Path) -> Iterator[str]:
    """The locations of all tensors that are not in the graph itself."""
    for tensor in [*_tensors(model.graph), *(t for f in model.functions for t in _tensors(f))]:
        if tensor.data_location == type(tensor).EXTERNAL:
            locations = [entry.value for entry in tensor.external_data if entry.key == "location"]
            if not locations or not locations[-1]:
                raise SettingsError(f"{path}: the tensor '{tensor.name}' has no location", EXPORT)
            yield locations[-1].removeprefix("./")


def _tensors(graph: Any) -> Iterator[Any]:
    """All tensors of a graph or function, also of the graphs inside its nodes."""
    waiting = [graph]
    while waiting:
        part = waiting.pop()
        yield from getattr(part, "initializer", ())
        for sparse in getattr(part, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for attribute in [a for node in part.node for a in node.attribute]:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            waiting += [attribute.g, *attribute.graphs] if attribute.HasField("g") else attribute.graphs
