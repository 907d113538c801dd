"""The command line: `app` runs it; a file for each command, `options` for what several share; the rest is imported once there is work to do."""
