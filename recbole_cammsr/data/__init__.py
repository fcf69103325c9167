"""Data side of the package: feature files, categories, packing and the RecBole data set class."""
