"""The command line: one module a noun; a command's module is imported when the command is typed."""
