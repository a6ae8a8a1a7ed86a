"""The networks themselves, one file for each family. None of them sees a path, a file or a clip."""
