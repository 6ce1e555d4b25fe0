"""The shard contract, and everything that turns volumes into shards."""
