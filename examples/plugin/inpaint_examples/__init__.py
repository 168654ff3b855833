"""A stage and a prior for inpaint, as a package that anybody can install."""
