"""Whether the applicant can be reached: what no message could tell is a manager's to tell."""
