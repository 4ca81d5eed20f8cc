"""What is handed over: explained, reviewed, sealed, mailed, opened by its recipient."""
