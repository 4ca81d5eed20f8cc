"""What runs by itself: the servers, the jobs, and who may ask."""
