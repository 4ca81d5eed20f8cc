"""The words of Accord as types: standard library only, no I/O."""
