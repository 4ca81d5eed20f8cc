"""What partners deliver: checked, taken in, kept, shown."""
