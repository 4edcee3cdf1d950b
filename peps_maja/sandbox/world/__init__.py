"""What there is to be found and computed: a few tiles, their acquisitions, and L2A products to go with them."""
