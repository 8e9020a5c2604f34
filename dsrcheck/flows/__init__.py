"""Legs to two-way flows, fragments, reassembled streams and ladders."""
