"""`tidemill run`: one each of ingest, learn and serve on one machine, watched and started again when they die."""
