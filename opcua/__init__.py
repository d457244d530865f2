"""The plant's edge: node table, gateway in, writer out, and the simulated SCADA server."""
