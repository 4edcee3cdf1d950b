"""The only user of the network: asking, secrets and who may see them, and what a failed connection means."""
