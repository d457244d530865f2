"""The edge in a simulation: the real guard and writer on clocks that a seed moves, and many faults.

What is real is what decides: `stream.guard` with all that it uses, `opcua.writer`, the simulated
SCADA's `LineControl` with its watchdog. What is simulated is what is around it: time, the broker,
the wire, the disk, the machines that the processes run on. The same seed gives the same run.
"""
