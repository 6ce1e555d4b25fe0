"""The whole experiment as one Snakemake workflow, and what starts it."""
