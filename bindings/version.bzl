"""The version in the names of packages. That it is the header's is checked where they are packed."""

HORIZON_LM_VERSION = "0.1.0"
