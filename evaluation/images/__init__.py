"""Synthetic images: their distances to real ones, their variety and novelty."""
