"""Fits the uncertain figures of a cell to recorded history, and says which it cannot know."""
