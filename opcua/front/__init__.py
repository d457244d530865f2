"""What SCADA, screens and engineers' clients see of potline over OPC UA, and may ask of it."""
