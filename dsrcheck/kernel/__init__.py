"""Frames to legs and claims: the hot place, compiled where there is a compiler, interpreted where there is none."""
