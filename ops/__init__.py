"""What keeps the line running: settings, command line, process table, embedded broker, report."""
