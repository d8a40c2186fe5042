"""The learner: Redis to versions. Takes windows, runs rounds, and is the sole writer of state and repository."""
