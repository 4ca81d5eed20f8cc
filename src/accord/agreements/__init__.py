"""Partners and the data sets that they supply or receive."""
