"""The pages of callbacks: the queue, one request's story, how callbacks are made, and who is not served."""
