"""What was found in all deliveries of a workspace, and what it says of a value."""
