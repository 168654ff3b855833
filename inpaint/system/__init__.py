"""What the operating system may refuse: only here are files opened and threads started."""
