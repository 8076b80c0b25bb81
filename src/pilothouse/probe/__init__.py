"""Checking what is believed of the two services, with a person's own keys: short and cheap.

Each module here may import the SDKs except `plan` and `report`, which the command line reads too.
"""
