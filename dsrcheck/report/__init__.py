"""The one report that every front end renders: its model, and one renderer a file."""
