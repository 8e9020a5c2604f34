"""Frames to legs and claims: the one hot place, compiled where there is a compiler and interpreted where there is none."""
