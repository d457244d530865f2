"""What people see and say: Bokeh pages, the live picture, operator commands."""
