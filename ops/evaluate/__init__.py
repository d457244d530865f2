"""Closed loops on the simulated line, the same seeds for every controller: `potline evaluate`."""
