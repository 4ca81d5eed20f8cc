"""The revisions of a workspace's database, and the way from any of them to the newest."""
