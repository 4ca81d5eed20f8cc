"""Where a finding is and who answers for it, with the source of each answer."""
