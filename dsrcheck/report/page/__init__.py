"""The page: where things stand in its pictures, and the templates that write them down."""
