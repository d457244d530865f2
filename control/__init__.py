"""What to do: model-predictive step, local control, modes and interlock rules. Pure."""
