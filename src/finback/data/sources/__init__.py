"""The sources: each file is one way in which labels and recordings lie on people's disks.

Adding one is a file with a `Source` (see `base`) and a line here; one test walks them all.
"""

SOURCES = {
    "folder": "finback.data.sources.folder:Folder",
    "watkins": "finback.data.sources.watkins:Watkins",
    "beans": "finback.data.sources.beans:Beans",
    "raven": "finback.data.sources.raven:Raven",
}
