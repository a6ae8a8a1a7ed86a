"""Labels and recordings: from tables as people keep them to a `Dataset` whose clips have recording groups.

`dataset` is the top: it indexes, looks for duplicates, assigns groups, and audits. No torch here.
"""
