"""Samples of the family `calls`: new parameters (`draw`), sound from parameters (`synthesis`), and the file
of the parameters of a sample (`parameters`), which can be edited and made into sound again."""
