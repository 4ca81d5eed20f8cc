"""What every HTTP service shares: headers, errors, limits, languages, and files for everybody."""
