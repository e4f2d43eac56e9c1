"""The stack: runs the whole house on one machine, under supervisord, and leaves nothing behind.

Knows ports, processes, signals and logs. Does not know jobs or models; it asks the gateway whether all is ready. Its
doctor looks at what may be wrong on the machine.
"""
