"""Who has the envelope. A record that the other steps read and the process page moves."""
