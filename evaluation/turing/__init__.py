"""The Visual Turing Test: its images, page, answers and table."""
