"""`tidemill report`: how the model grew, as one page with pictures. Reads what the learner wrote; changes nothing."""
