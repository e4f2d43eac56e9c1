"""The stack: runs every program of Scoreline on one machine, under supervisord, and leaves no process behind.

Knows programs, ports, processes, signals and logs. Does not know jobs or models: the gateway says whether all is ready.
Its doctor looks for what may be wrong on the machine.
"""
