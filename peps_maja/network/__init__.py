"""The only user of the network: requests and their answers, secrets, and which address may see which secret."""
