"""The worker process: loops that finish what requests began."""
