"""What was asked, permitted and written, in a chain that shows where it was broken."""
