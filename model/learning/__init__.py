"""One round of learning: plan, train, average, calibrate, and the state that goes from round to round."""
