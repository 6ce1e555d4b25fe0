"""absl flag definitions of every binary, one module per package."""
