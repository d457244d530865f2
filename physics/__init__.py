"""What a cell is: equations, reduced order, estimator and plant. Pure: no clock, I/O or logging."""
