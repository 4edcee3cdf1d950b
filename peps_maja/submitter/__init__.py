"""What the user wants, which products are taken, and what that costs: values in, values out."""
