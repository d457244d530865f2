"""`potline whatif`: an override played on the twin of a cell, before anyone commits."""
