"""The composition root: builds every object of a role from one frozen configuration. One module for each role."""
