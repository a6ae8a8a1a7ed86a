"""Files on the disk: whole or absent, of one writer, under safe names, and read within bounds."""
