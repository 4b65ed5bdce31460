"""What a record is: its shape, its parts, its ids, its canonical bytes, the graph it draws."""
