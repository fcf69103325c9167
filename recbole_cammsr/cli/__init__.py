"""The commands, and ``python -m recbole_cammsr``: arguments, messages and tables."""
