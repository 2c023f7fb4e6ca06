"""Files: what shops upload as evidence, kept sealed."""
