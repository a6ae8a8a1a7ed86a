"""Ways to work through the spans: processes of this machine, or a cluster. All give the same journal."""

PRELOADED = ["finback.scan.engines.worker"]  # what the server of the local engine imports
