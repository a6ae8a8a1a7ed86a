"""Run folders: the names of their files, what the files hold, and the names of older versions."""
