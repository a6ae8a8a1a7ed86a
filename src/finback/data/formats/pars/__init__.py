"""NOAA PARS 1.0, the passive acoustic reporting system: three CSV files of one deployment, or of several.

    metadata.csv        a row for each deployment
    detectiondata.csv   a row for each species and day (or hour): detected, possibly, not, not available
    gpsdata.csv         positions, of platforms that move

`deployment.py` reads the TOML file in which a user describes a deployment, `write.py` writes the files,
`check.py` applies the rules by which a submission is rejected, and `vocabulary.py` holds the codes.

Source of the facts: the public validator of NOAA in github.com/NEFSC/READ-PSB-PACM (r/R/pars-*.R), July 2026.
"""
