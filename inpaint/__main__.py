"""``python -m inpaint``: the command line, where the script ``inpaint`` is not on the path."""

from inpaint.cli import main

if __name__ == "__main__":
    main()
