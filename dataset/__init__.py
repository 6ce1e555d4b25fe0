"""The shard contract, and everything that turns volumes into shards."""

import gc
import os

# TensorFlow reports its factories and optional instruction sets at every import;
# trainers print the devices that they use themselves. Set the variable to see all.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow asks for oneDNN by itself on some processors only; on others the detector
# takes four times as long, and rounds otherwise.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Importing TensorFlow and building graphs makes very many objects that stay. To search
# them for cycles after every 700th, Python's default, takes a sixth of a short step.
gc.set_threshold(100_000)
