"""The reduced model: few states for a cell, fast enough for every cell at every scan."""
