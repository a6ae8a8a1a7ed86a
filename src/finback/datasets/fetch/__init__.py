"""Public recordings onto this disk: `finback fetch watkins`.

    source      what a source is: a TOML file with its licence, its list and how files are labelled
    links       the links of a web page
    listing     a source -> the files that it offers
    web         polite requests: one rate for all, robots.txt, waiting when told, trying again
    download    one file: `.part`, going on where it stopped, checks, renamed when it is whole
    archive     what is wanted out of a zip
    tables      labels.csv, fetched.csv, the licence as it was accepted
    pool        several files at a time; one finback at a time in a folder
    work        all of it: list, fetch what is missing, write the tables

Nothing here is requested before the caller has shown the source's licence and had it accepted.
"""
