"""What the public check tells: published, shown, taken back, and answered."""
