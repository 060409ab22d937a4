"""The command line: each module parses the options of one command, calls one function of the library and prints what it gives."""
