"""The sources: each file reads one layout of labels and recordings.

To add a source, write a file with a `Source` (see `base`) and add a line here. One test covers all sources.
"""

SOURCES = {
    "folder": "finback.data.sources.folder:Folder",
    "watkins": "finback.data.sources.watkins:Watkins",
    "beans": "finback.data.sources.beans:Beans",
    "audacity": "finback.data.sources.audacity:Audacity",
    "raven": "finback.data.sources.raven:Raven",
}
