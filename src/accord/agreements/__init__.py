"""Partners, the data sets that they supply or receive, and the agreements under which they do."""
