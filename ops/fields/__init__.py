"""Full-order runs on this machine: their file, their pictures, their checkpoint."""
