"""Whether a candidate may replace the champion: answers on held-out samples, exact paired tests, the gate."""
