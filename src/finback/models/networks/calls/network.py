"""`calls`: calls that were measured in clips, varied and combined anew, as sound.

Good for: samples that hold calls, with the truth of each call; training in minutes. The model keeps the
contours, pulses, noises and backgrounds of the training clips as parameters (`analysis`). A sample combines
and varies them (`finback.generation.calls`); the hyper-parameters say how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from finback.features.spec import FeatureSpec
from finback.models.networks.calls import tables
from finback.models.networks.calls.grid import Grid
from finback.models.networks.calls.sounds import Scene
from finback.models.networks.generator import Generator, Way


class Calls(Generator):
    """The scenes of the training clips, and the amount by which a sample differs from them."""

    way: ClassVar[Way] = "waves"

    def __init__(
        self,
        spec: FeatureSpec,
        n_classes: int,
        windows: int = 2,
        pitch: float = 0.045,
        duration: float = 0.2,
        level_db: float = 1.2,
        mixing: float = 0.15,
    ) -> None:
        """`windows`: the most windows of a clip that are analysed.

        `pitch`, `duration`: deviation of the logarithm of the factors on frequency and length of a call.
        `level_db`: deviation of levels. `mixing`: share of calls that get their noise from another call.
        """
        super().__init__(spec, n_classes, noise_shape=())
        self.windows = windows
        self.pitch, self.duration, self.level_db, self.mixing = pitch, duration, level_db, mixing
        self.grid = Grid.of(spec)
        for name, table in tables.empty_tables().items():
            self.register_buffer(f"of_{name}", table)

    @property
    def n_parameters(self) -> int:
        """Number of fitted values. They are buffers, because no gradient changes them."""
        return sum(getattr(self, f"of_{name}").numel() for name in tables.TABLES)

    def keep(self, scenes: list[Scene]) -> None:
        """Take the scenes of the training clips."""
        for name, table in tables.packed(scenes, self.grid).items():
            setattr(self, f"of_{name}", table)
        self.__dict__.pop("scenes", None)

    @cached_property
    def scenes(self) -> dict[int, list[Scene]]:
        """The scenes of each species, by class id."""
        found: dict[int, list[Scene]] = {}
        own = {name: getattr(self, f"of_{name}").cpu() for name in tables.TABLES}
        for scene in tables.unpacked(own, self.grid):
            found.setdefault(scene.species, []).append(scene)
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """As of every module; the tables take the sizes of those that are loaded."""
        for name in tables.TABLES:
            loaded = state_dict.get(f"of_{name}")
            if isinstance(loaded, Tensor):
                setattr(self, f"of_{name}", torch.empty_like(loaded))
        self.__dict__.pop("scenes", None)
        return super().load_state_dict(state_dict, *args, **kwargs)
