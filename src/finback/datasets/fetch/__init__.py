"""Download public recordings with their labels: `finback fetch watkins`.

    source      a source: a TOML file with its licence, the list of its files, and how files are labelled
    links       the links of a web page
    listing     the files that a source offers
    web         requests with a common rate limit, robots.txt, waiting times and retries
    download    one file: `.part`, resumed after an interruption, checked, renamed when it is complete
    archive     the files of a zip archive
    tables      labels.csv, fetched.csv, and the accepted licence
    concurrency several files at the same time; only one finback in a folder
    errors      temporary errors, permanent errors, and reasons to stop
    runner      the whole: list the files, fetch the missing ones, write the tables

There is no request before the caller has shown the licence of the source and the user has accepted it.
"""
