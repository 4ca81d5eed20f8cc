"""The account that all sides can check."""
