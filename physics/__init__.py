"""What a cell is: equations, reduced order, estimator and plant. Pure: no clock, no I/O, no logging."""
