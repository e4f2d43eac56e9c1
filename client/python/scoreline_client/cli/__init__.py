"""The command line: scores patients and files, looks after jobs and batches, and finds what is wrong.

Knows the service by the client alone. `up`, and what `doctor` looks at on this machine, are programs of the checkout
that the command line lies in. Needs what the extra `cli` installs.
"""
