"""Validation of a whole data set folder before hours are spent training on it."""
