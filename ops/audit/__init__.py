"""What people do with an audit: verify it, and read a month of it."""
