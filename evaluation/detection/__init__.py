"""Tumor detection: the tables, tests and figures of predictions of test images."""
