"""Values and small tools every other room may use; imports nothing of ours."""
