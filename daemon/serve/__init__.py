"""`tidemill serve`: the model repository over HTTP. Reads only; loads no torch."""
