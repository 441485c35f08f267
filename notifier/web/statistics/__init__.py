"""What messages came to within some days, in numbers, charts and files."""
