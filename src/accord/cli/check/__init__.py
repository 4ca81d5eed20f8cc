"""What the public check tells: published, shown, and taken back."""
