"""Another telephone number after submission: proven by a code that goes to it, told to the old one."""
