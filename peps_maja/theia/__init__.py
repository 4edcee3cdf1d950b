"""The protocol of GEODES, which hands out Theia's MAJA products: its search, and what a download there needs."""
