"""`potline pareto`: energy, greenhouse gases and anode effects against each other."""
