"""What both houses are made of: front door, sessions, settings, jobs. Knows the link and the kernel, no process."""
