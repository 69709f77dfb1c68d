"""Saved folders: files wherever they are, manifests, readers and writers of stages and models."""
