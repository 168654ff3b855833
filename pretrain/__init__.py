"""Training of priors and refiners. Imports ``inpaint``; nothing in ``inpaint`` imports it."""
