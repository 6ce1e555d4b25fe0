"""The shard contract, and everything that turns volumes into shards."""

import os

# TensorFlow reports its factories and optional instruction sets at every import;
# trainers print the devices that they use themselves. Set the variable to see all.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
