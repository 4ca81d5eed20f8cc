"""What the public finds in a channel, as a MISP feed: a folder that any web server serves."""
