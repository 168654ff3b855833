"""What the operating system may refuse: files, threads and memory."""
