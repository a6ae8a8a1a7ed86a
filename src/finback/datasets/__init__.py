"""Recordings to work with: public ones from the network (`fetch`) and simulated ones (`simulate`)."""
