"""How long it takes to identify recordings by their content.

    python benchmarks/identity.py

Hashes every recording of `recordings.py` as `finback.audio.content` does. Each was read once before, so the
time is that of hashing and not of the disk. Processor time of one thread.
"""

from __future__ import annotations

import time

from recordings import files
from stored import Stored, store

from finback.audio import content


def main() -> None:
    sounds, place = files()
    sizes = [len(path.read_bytes()) for path in sounds]
    content._kept.cache_clear()  # they were hashed when they were indexed
    started = time.thread_time()
    for path in sounds:
        content.content_id(path)
    seconds = time.thread_time() - started
    values = {
        "n_files": len(sounds),
        "megabytes": sum(sizes) / 1e6,
        "seconds": seconds,
        "gigabytes_per_s": sum(sizes) / 1e9 / seconds,
    }
    print(values)
    about = f"BLAKE2b of the recordings of {place}, all bytes of each file; processor time of one thread."
    store("identity", Stored("python benchmarks/identity.py", about, values))


if __name__ == "__main__":
    main()
