"""What every trainer needs, and nothing about any model."""
