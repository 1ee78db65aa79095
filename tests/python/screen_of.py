"""Runs a program in a pseudo-terminal until its screen holds all given texts, and prints the screen.

Usage: screen_of.py SECONDS TEXT[,TEXT...] PROGRAM [ARGUMENT...]

For programs without a snapshot mode. What was drawn is printed without the terminal's control
sequences; the exit status is 1 if a text never came.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ROWS_AND_COLUMNS = (50, 160)
CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|[\x00-\x09\x0b-\x1f]")


def text_of(drawn):
    """What a person would read, with control sequences as blanks."""
    return CONTROL.sub(b" ", drawn).decode("utf-8", "replace")


def start(command):
    """The program in a terminal of its own: its PID and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        # Room first: programs look once.
        size = struct.pack("HHHH", *ROWS_AND_COLUMNS, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.environ["TERM"] = "xterm"
        os.execv(command[0], command)
    return pid, terminal


def watch(terminal, wanted, seconds):
    """All that was drawn until the texts were there or the time was up."""
    drawn = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(text in text_of(drawn) for text in wanted):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:
                break
    return text_of(drawn)


def main():
    """Watch, end the program, print."""
    seconds, wanted = float(sys.argv[1]), sys.argv[2].split(",")
    pid, terminal = start(sys.argv[3:])
    screen = watch(terminal, wanted, seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(screen)
    sys.exit(0 if all(text in screen for text in wanted) else 1)


if __name__ == "__main__":
    main()
