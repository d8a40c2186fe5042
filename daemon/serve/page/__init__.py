"""The page for people: plain HTML made by the server, with its charts inside; nothing comes from elsewhere."""
