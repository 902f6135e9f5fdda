"""Input that its user can mend ends the program with one line and exit status 2; 1 is for everything else."""
import sys


def refuse(message):
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
