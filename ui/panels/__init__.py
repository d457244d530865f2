"""The panels, a file each: a source, a root, `update(snapshot)`."""
