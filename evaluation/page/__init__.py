"""The page of an experiment: all of its results in one HTML file."""
