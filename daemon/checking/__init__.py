"""What `tidemill verify` finds, and what it can put right."""
