"""The machines of a scan whose tables were made, and the file of mutes that a person may take up.

proposal = propose(Journal.read("scans/site"))
proposal.machines, proposal.text
write_proposal(proposal, Path("mutes.toml"))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finback.core.errors import InputError
from finback.core.storage.files import write_atomic
from finback.scan.journal import Journal
from finback.scan.machines import Machine, find_machines
from finback.scan.mutes import mutes_text
from finback.scan.table_folder import last_settings
from finback.scan.table_settings import TableSettings
from finback.scan.tables import sites_of, table_detections

HEAD = (
    "Proposed by finback machines. Nothing is muted until you give this file to finback tables --mute.",
    "Whales call at regular intervals too. Listen to some detections.",
    "Put a # before each line of a mute that is wrong.",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be machines among `n_detections` detections, and the TOML text of their mutes."""

    machines: tuple[Machine, ...]
    n_detections: int
    text: str

    def to_json(self) -> dict[str, Any]:
        """The proposal for programs."""
        return {
            "detections": self.n_detections,
            "machines": [
                {
                    **machine.mute.model_dump(mode="json"),
                    "detections": machine.n,
                    "detections_of_species": machine.n_species,
                    "p": machine.beat.p,
                    "alike": machine.alike,
                    "compared_by": machine.by,
                    "careful": machine.caveat(),
                }
                for machine in self.machines
            ],
        }


def propose(journal: Journal) -> Proposal:
    """The machines among the detections of the last tables in the folder of the scan, without its mutes.

    Raises `RunError` when `tables.json` is damaged, and errors as `table_detections`.
    """
    last = last_settings(journal.folder) or TableSettings()
    settings = last.model_copy(update={"mute": None})
    found, _ = table_detections(journal, settings)
    machines = tuple(find_machines(journal, found.events, sites_of(journal, settings)))
    reasons = [machine.reasons() for machine in machines]
    text = mutes_text([machine.mute for machine in machines], reasons, HEAD)
    return Proposal(machines, len(found.events), text)


def write_proposal(proposal: Proposal, path: Path) -> None:
    """Write the file of mutes. Raises `InputError` when there is one, and `WriteError`."""
    if path.exists() or path.is_symlink():
        raise InputError(f"{path}: is there already", "give a new name: --out FILE")
    write_atomic(path, proposal.text)
