"""Reading logs: which files, their lines, what is wrong with a line, and what comes next."""
