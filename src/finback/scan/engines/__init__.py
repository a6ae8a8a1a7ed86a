"""Ways to work through the spans: processes of this machine, or a cluster. All give the same journal."""
