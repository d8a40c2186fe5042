"""`tidemill status`: facts are collected from whatever answers, judged by one pure function, and shown elsewhere."""
